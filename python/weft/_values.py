"""What travels on wires, as Python sees it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Optional, Tuple, Type, Union

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from . import _weft
from ._errors import ArgumentError

_DTYPES = {
    "f32": np.dtype(np.float32),
    "f16": np.dtype(np.float16),
    "u8": np.dtype(np.uint8),
    "i32": np.dtype(np.int32),
    "i64": np.dtype(np.int64),
}


class Tensor(_weft.Tensor, NDArrayOperatorsMixin):
    """An array of numbers. It cannot be changed, and shares its memory with whoever looks at it.

    ``np.asarray(t)`` and ``torch.from_dlpack(t)`` look at the same memory; arrays that come from it
    are read-only (torch knows no such thing: clone before you write). Arithmetic, slices and all
    methods of numpy's arrays work and give numpy arrays. ``Tensor(a)`` takes an array of numpy,
    torch or any other library that speaks DLPack, without a copy where its elements lie one after
    another.
    """

    def __init__(self, data: Any) -> None:
        super().__init__(data)

    @property
    def dtype(self) -> Any:
        """numpy's type, or ``"bf16"``, which numpy does not have."""
        return _DTYPES.get(self.dtype_name, self.dtype_name)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        count = 1
        for extent in self.shape:
            count *= extent
        return count

    def numpy(self) -> "np.ndarray[Any, Any]":
        """A read-only array on the same memory; bf16 comes as a copy in float32."""
        if self.is_meta:
            raise ArgumentError("this tensor has a shape alone: no memory")
        if self.dtype_name == "bf16":
            return np.asarray(memoryview(self.convert("f32")))
        return np.asarray(memoryview(self))

    def to(self, dtype: str) -> "Tensor":
        """A copy in another type: "f32", "bf16", "f16", "u8", "i32" or "i64"."""
        return type(self)(self.convert(dtype))

    def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> "np.ndarray[Any, Any]":
        array = self.numpy()
        if dtype is not None and np.dtype(dtype) != array.dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        plain = [x.numpy() if isinstance(x, Tensor) else x for x in inputs]
        if any(isinstance(x, Tensor) for x in kwargs.get("out", ())):
            raise ArgumentError("a weft.Tensor cannot be written to; copy it: numpy.array(t)")
        return getattr(ufunc, method)(*plain, **kwargs)

    def __getitem__(self, index: Any) -> Any:
        return self.numpy()[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        raise ArgumentError("a weft.Tensor cannot be written to; copy it: numpy.array(t)")

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a tensor without axes has no length")
        return int(self.shape[0])

    def __iter__(self) -> Iterator[Any]:
        return iter(self.numpy())

    def __bool__(self) -> bool:
        return bool(self.numpy())

    def __float__(self) -> float:
        return float(self.numpy())

    def __int__(self) -> int:
        return int(self.numpy())

    if TYPE_CHECKING:
        # The rest of numpy's methods, of which these are told to type checkers.
        T: "np.ndarray[Any, Any]"
        all: Callable[..., Any]
        any: Callable[..., Any]
        astype: Callable[..., Any]
        clip: Callable[..., Any]
        copy: Callable[..., Any]
        flatten: Callable[..., Any]
        max: Callable[..., Any]
        mean: Callable[..., Any]
        min: Callable[..., Any]
        reshape: Callable[..., Any]
        round: Callable[..., Any]
        squeeze: Callable[..., Any]
        std: Callable[..., Any]
        sum: Callable[..., Any]
        tobytes: Callable[..., bytes]
        tolist: Callable[..., Any]
        transpose: Callable[..., Any]
        var: Callable[..., Any]
    else:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_") or not hasattr(np.ndarray, name):
                raise AttributeError(f"a weft.{type(self).__name__} has no attribute {name!r}")
            return getattr(self.numpy(), name)

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: Optional[Tuple[int, int]] = None,
        dl_device: Optional[Tuple[int, int]] = None,
        copy: Optional[bool] = None,
    ) -> Any:
        if dl_device is not None and tuple(dl_device) != (1, 0):
            raise BufferError("weft's tensors are on the CPU")
        if copy:
            return Tensor(np.array(self.numpy())).dlpack(bool(max_version and max_version[0] >= 1))
        return self.dlpack(bool(max_version and max_version[0] >= 1))

    def __dlpack_device__(self) -> Tuple[int, int]:
        return (1, 0)

    def __reduce__(self) -> Any:
        if self.dtype_name == "bf16":
            return (_restore_bf16, (type(self), np.array(self.numpy())))
        return (type(self), (np.array(self.numpy()),))

    def __repr__(self) -> str:
        shape = ", ".join(str(extent) for extent in self.shape)
        return f"<weft.{type(self).__name__} {self.dtype_name} [{shape}]>"


def _restore_bf16(cls: Type[Tensor], array: Any) -> Tensor:
    return cls(Tensor(array).convert("bf16"))


class Image(Tensor):
    """A picture, or several: [batch, height, width, channels], u8 or f32 in 0..1.

    It shows itself in a notebook. ``Image("photo.png")`` reads a PNG, JPEG or WebP file.
    """

    def __init__(self, data: Any) -> None:
        if isinstance(data, (str, os.PathLike)):
            data = _weft.decode_image_file(os.fspath(data))
        super().__init__(data)

    @property
    def width(self) -> int:
        return int(self.shape[-2])

    @property
    def height(self) -> int:
        return int(self.shape[-3])

    def png(self) -> bytes:
        """As a PNG file, with the graph that drew it inside; several as a sheet."""
        return bytes(self.encode("x.png", 95))

    def save(self, path: Union[str, "os.PathLike[str]"], quality: int = 95) -> None:
        """Writes a .png, .jpg or .webp; a PNG carries the graph that drew it."""
        data = self.encode(os.fspath(path), quality)
        with open(path, "wb") as file:
            file.write(data)

    def to_pil(self, index: int = 0) -> Any:
        """As a PIL picture; needs Pillow."""
        try:
            from PIL import Image as pil
        except ImportError as error:
            raise ImportError("Image.to_pil() needs Pillow: pip install pillow") from error
        array = self.numpy()
        if array.dtype != np.uint8:
            array = np.clip(np.rint(array * 255.0), 0, 255).astype(np.uint8)
        picture = array[index] if array.ndim == 4 else array
        return pil.fromarray(picture[:, :, 0] if picture.shape[-1] == 1 else picture)

    def _repr_png_(self) -> bytes:
        return self.png()


class Object(_weft.Object):
    """What a node gives that is no number: a model, a scheduler. Hand it on to other nodes."""

    def __init__(self, handle: _weft.Object) -> None:
        super().__init__(handle)


class Scheduler(Object):
    """How a latent walks from noise to a picture."""

    def steps(
        self, num_inference_steps: Optional[int] = None, strength: Optional[float] = None
    ) -> Iterator[Tuple[int, "Step"]]:
        """The steps of a run, numbered from 0, for a denoising loop of one's own. What is left
        out is as in the node Timesteps."""
        call = _weft.call(
            "Timesteps",
            {"scheduler": self, "num_inference_steps": num_inference_steps, "strength": strength},
            "out",
        )[0]
        return iter(list(enumerate(call.output("steps"))))


class Conditioning(Object):
    """What a network is told to draw: the text encoder's hidden states."""

    @property
    def tokens(self) -> Tensor:
        """[batch, tokens, width] f32; of the first entry where there are several."""
        return self.conditioning_entries[0]["tokens"]  # type: ignore[no-any-return]

    @property
    def pooled(self) -> Optional[Tensor]:
        """[batch, width] f32, or None."""
        return self.conditioning_entries[0]["pooled"]  # type: ignore[no-any-return]


class Record(_weft.Record):
    """Plain data with named fields, which are attributes and items. Made of a dict."""

    def __init__(self, fields: Any) -> None:
        super().__init__(fields)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record):
            return NotImplemented
        return dict(self) == dict(other)

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={self[name]!r}" for name in self.keys() if name != "next")
        return f"<weft.{type(self).__name__} {fields}>"


class Step(Record):
    """One call of the network: index, timestep, sigma, and the step after it in ``next``."""


class State(Record):
    """What a scheduler carries from step to step."""


class Latent(Tensor):
    """A picture as an autoencoder encodes it: [batch, channels, height, width] f32."""


class Mask(Image):
    """What to paint: [batch, height, width, 1] f32; 1 is painted, 0 is kept."""


class Tokens(Tensor):
    """Ids of tokens: [batch, count] i32."""


# The classes of values by the name that ports give their type. Types that are tensors or records
# are named here; all others are objects.
TENSOR_TYPES: Dict[str, Type[Tensor]] = {
    "tensor": Tensor,
    "image": Image,
    "latent": Latent,
    "mask": Mask,
    "tokens": Tokens,
}
RECORD_TYPES: Dict[str, Type[Record]] = {"step": Step, "state": State}
OBJECT_TYPES: Dict[str, Type[Object]] = {"scheduler": Scheduler, "conditioning": Conditioning}


def class_name(type_name: str) -> str:
    """"scheduler_config" → "SchedulerConfig"."""
    return "".join(part[:1].upper() + part[1:] for part in type_name.split("_"))


def object_class(type_name: str) -> Type[Object]:
    """The class for objects of a type; made when it is first asked for."""
    if type_name not in OBJECT_TYPES:
        cls = type(class_name(type_name), (Object,), {"__doc__": f"A {type_name}.", "__module__": "weft.types"})
        add_object_class(type_name, cls)
    return OBJECT_TYPES[type_name]


def add_object_class(type_name: str, cls: Type[Object]) -> None:
    OBJECT_TYPES[type_name] = cls
    _weft.set_object_class(type_name, cls)


_weft.set_tensor_class("", Tensor)
_weft.set_object_class("", Object)
_weft.set_record_class("", Record)
for _name, _tensor in TENSOR_TYPES.items():
    _weft.set_tensor_class(_name, _tensor)
for _name, _record in RECORD_TYPES.items():
    _weft.set_record_class(_name, _record)
for _name, _object in OBJECT_TYPES.items():
    _weft.set_object_class(_name, _object)


class TensorSpec:
    """A tensor's shape and type, for ``infer`` of nodes that are written in Python."""

    def __init__(self, shape: Any, dtype: str = "f32") -> None:
        self.shape: Tuple[int, ...] = tuple(int(extent) for extent in shape)
        self.dtype = dtype

    @property
    def weft_tensor_spec(self) -> Tuple[List[int], str]:
        return list(self.shape), self.dtype

    def __repr__(self) -> str:
        return f"TensorSpec({self.shape}, {self.dtype!r})"


def from_dlpack(producer: Any) -> Tensor:
    """A tensor on the memory of one of torch, numpy, jax …, without a copy where it is dense."""
    try:
        return Tensor(_weft.Tensor.from_dlpack(producer))
    except BufferError:  # older versions of numpy hand out no array that is read-only this way
        return Tensor(producer)
