"""Tensors and pictures: no copies where none are needed, and clear words where they cannot be."""

import gc
import pickle
import sys
import weakref

import numpy as np
import pytest

import weft


def address(array):
    return np.asarray(array).__array_interface__["data"][0]


def test_a_tensor_shares_its_memory_with_numpy_both_ways():
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    tensor = weft.Tensor(array)
    assert address(tensor) == address(array), "handed in without a copy"
    assert np.asarray(tensor).tolist() == array.tolist()
    assert tensor.shape == (3, 4) and tensor.dtype == np.float32 and len(tensor) == 3


def test_arrays_that_come_from_a_tensor_are_read_only():
    array = np.asarray(weft.Tensor(np.zeros(3, np.float32)))
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1
    with pytest.raises(weft.ArgumentError, match="cannot be written to"):
        weft.Tensor(array)[0] = 1


def test_a_tensor_keeps_the_array_alive_and_lets_it_go():
    class Watched(np.ndarray):
        pass

    array = np.ones(1000, np.float32).view(Watched)
    watch = weakref.ref(array)
    tensor = weft.Tensor(array)
    del array
    gc.collect()
    assert watch() is not None and float(tensor.sum()) == 1000
    view = np.asarray(tensor)
    del tensor
    gc.collect()
    assert watch() is not None and view.sum() == 1000
    del view
    gc.collect()
    assert watch() is None


def test_the_output_of_a_node_shares_its_memory(latent):
    assert address(latent) == address(np.asarray(latent))
    assert isinstance(latent, weft.types.Latent)


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8", "int32", "int64"])
def test_every_type_that_numpy_has_goes_in_and_out(dtype):
    array = np.arange(6).astype(dtype).reshape(2, 3)
    assert np.asarray(weft.Tensor(array)).dtype == array.dtype
    assert (np.asarray(weft.Tensor(array)) == array).all()


@pytest.mark.parametrize("dtype", ["float64", "complex64", "bool", ">f4"])
def test_other_types_are_refused_by_name(dtype):
    with pytest.raises(weft.ArgumentError, match="cannot go on a wire.*astype") as error:
        weft.Tensor(np.zeros(3, dtype))
    assert "\n" not in str(error.value) and (np.dtype(dtype).name in str(error.value) or dtype == ">f4")


def test_arrays_with_gaps_are_copied_in_order():
    array = np.arange(24, dtype=np.float32).reshape(4, 6)[::2, ::-3]
    assert np.asarray(weft.Tensor(array)).tolist() == array.tolist()
    assert np.asarray(weft.Tensor(array.T)).tolist() == array.T.tolist()


def test_arithmetic_slices_and_methods_are_numpys():
    tensor = weft.Tensor(np.arange(6, dtype=np.float32).reshape(2, 3))
    assert isinstance(tensor * 2, np.ndarray) and (tensor * 2)[1, 2] == 10
    assert (1 - tensor).sum() == -9 and (tensor + tensor)[0, 1] == 2
    assert tensor[0].tolist() == [0, 1, 2] and tensor[..., -1].tolist() == [2, 5]
    assert tensor.mean() == 2.5 and tensor.reshape(3, 2).shape == (3, 2)
    assert [row.sum() for row in tensor] == [3, 12] and tensor.ndim == 2 and tensor.size == 6
    with pytest.raises(AttributeError, match="'meen'"):
        tensor.meen


def test_bf16_has_no_numpy_type_and_comes_as_a_copy_in_float32():
    tensor = weft.Tensor(np.array([1.0, 1.00390625, 3.0], np.float32)).to("bf16")
    assert tensor.dtype == "bf16" and tensor.numpy().dtype == np.float32
    assert np.asarray(tensor).tolist() == [1.0, 1.0, 3.0]
    with pytest.raises(weft.ArgumentError, match='unknown type "bf17"; did you mean "bf16"'):
        tensor.to("bf17")


def test_dlpack_goes_both_ways_without_a_copy():
    tensor = weft.Tensor(np.arange(6, dtype=np.float32).reshape(2, 3))
    assert tensor.__dlpack_device__() == (1, 0)
    array = np.from_dlpack(tensor)
    assert address(array) == address(tensor)
    again = weft.from_dlpack(array)
    assert address(again) == address(tensor) and again.shape == (2, 3)
    scalar = weft.from_dlpack(np.array(3.0, np.float32))
    assert scalar.shape == () and float(scalar) == 3.0


def test_dlpack_takes_arrays_with_gaps():
    array = np.arange(24, dtype=np.int64).reshape(4, 6)[::2, 1::2]
    assert np.asarray(weft.from_dlpack(array)).tolist() == array.tolist()


def test_an_unused_capsule_frees_its_tensor():
    class Watched(np.ndarray):
        pass

    array = np.ones(10, np.float32).view(Watched)
    watch = weakref.ref(array)
    for version in (None, (1, 0)):
        weft.Tensor(array).__dlpack__(max_version=version)
    del array
    gc.collect()
    assert watch() is None


def test_a_producer_that_only_knows_old_dlpack_is_understood():
    class Old:
        def __init__(self, array):
            self.array = array

        def __dlpack_device__(self):
            return (1, 0)

        def __dlpack__(self, stream=None):
            return weft.Tensor(self.array).__dlpack__()

    assert np.asarray(weft.from_dlpack(Old(np.ones(3, np.float32)))).tolist() == [1, 1, 1]


def test_tensors_on_other_devices_are_refused():
    class OnGpu:
        def __dlpack_device__(self):
            return (2, 0)

        def __dlpack__(self, **options):
            raise AssertionError("not asked")

    with pytest.raises(weft.ArgumentError, match="move it to the CPU"):
        weft.from_dlpack(OnGpu())


def test_torch_shares_its_memory_also_in_bf16():
    torch = pytest.importorskip("torch")
    tensor = torch.from_dlpack(weft.Tensor(np.arange(4, dtype=np.float32)))
    assert tensor.tolist() == [0, 1, 2, 3]
    half = torch.arange(4, dtype=torch.bfloat16)
    taken = weft.from_dlpack(half)
    assert taken.dtype == "bf16" and torch.from_dlpack(taken).data_ptr() == half.data_ptr()
    with_gradient = torch.ones(3, requires_grad=True)
    assert weft.Tensor(with_gradient).shape == (3,)


def test_pickling_keeps_class_and_values():
    tensor = weft.types.Latent(np.ones((1, 4, 2, 2), np.float32))
    for original in (tensor, tensor.to("bf16")):
        copy = pickle.loads(pickle.dumps(original))
        assert type(copy) is weft.types.Latent and copy.dtype == original.dtype
        assert np.asarray(copy).tolist() == np.asarray(original).tolist()


def test_a_picture_shows_and_saves_itself(tmp_path):
    pixels = np.random.default_rng(1).integers(0, 255, (1, 9, 7, 3), np.uint8)
    picture = weft.Image(pixels)
    assert picture.width == 7 and picture.height == 9
    assert picture._repr_png_()[:4] == b"\x89PNG"
    picture.save(tmp_path / "a.png")
    assert (np.asarray(weft.Image(tmp_path / "a.png")) == pixels).all()
    with pytest.raises(weft.GraphError, match="bmp"):
        picture.save(tmp_path / "a.bmp")


def test_a_batch_of_pictures_shows_as_a_sheet(tmp_path):
    weft.Image(np.zeros((4, 8, 8, 3), np.uint8)).save("sheet.png")
    assert weft.Image("sheet.png").width == 2 * 8 + 4


def test_a_picture_goes_to_pillow_and_back():
    pil = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(1).integers(0, 255, (6, 5, 3), np.uint8)
    picture = weft.Image(pil.fromarray(pixels))
    assert (np.asarray(picture.to_pil()) == pixels).all()
    unit = weft.Image(pixels[None].astype(np.float32) / 255)
    assert (np.asarray(unit.to_pil()) == pixels).all()


def test_to_pil_without_pillow_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match="pip install pillow"):
        weft.Image(np.zeros((1, 2, 2, 3), np.uint8)).to_pil()
