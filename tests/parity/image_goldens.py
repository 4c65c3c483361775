"""What Pillow, SciPy and PyTorch make of small pictures and masks; read by tests/nodes/{image,mask}.

Run by hand where they are installed:  python tests/parity/image_goldens.py
"""

import base64
import io
import json
import pathlib

import numpy
import PIL.Image
import scipy.ndimage
import torch

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "goldens" / "image"


def pattern(height, width, channels):
    """A picture with edges and slopes; the C++ tests compute the same."""
    y, x, c = numpy.ogrid[:height, :width, :channels]
    return ((x * 37 + y * 91 + c * 53 + x * y * 7) % 256).astype(numpy.uint8)


def mask_pattern(height, width):
    y, x = numpy.ogrid[:height, :width]
    return (((x * 5 + y * 3 + x * y) % 11) / 10.0).astype(numpy.float32)


def resample_cases():
    picture = PIL.Image.fromarray(pattern(9, 13, 3))
    cases = []
    for name in ("nearest", "box", "bilinear", "bicubic", "lanczos"):
        for height, width in ((9, 5), (4, 13), (3, 4), (17, 20), (20, 6)):
            resized = picture.resize((width, height), getattr(PIL.Image.Resampling, name.upper()))
            cases.append({"method": name, "height": height, "width": width,
                          "values": numpy.asarray(resized).flatten().tolist()})
    grey = PIL.Image.fromarray(pattern(9, 13, 1)[..., 0].astype(numpy.float32) / 255.0, mode="F")
    for name in ("bilinear", "lanczos"):
        resized = grey.resize((5, 4), getattr(PIL.Image.Resampling, name.upper()))
        cases.append({"method": name, "height": 4, "width": 5, "float": True,
                      "values": [round(float(v), 7) for v in numpy.asarray(resized).flatten()]})
    return cases


def mask_cases():
    mask = mask_pattern(12, 10)
    tensor = torch.from_numpy(mask)[None, None]
    cases = []

    def add(operation, argument, result):
        result = numpy.asarray(result)
        cases.append({"operation": operation, "argument": argument, "shape": list(result.shape),
                      "values": [round(float(v), 7) for v in result.flatten()]})

    for size in ((3, 5), (5, 4), (7, 20)):
        for mode in ("nearest", "area", "bilinear"):
            options = {"align_corners": False} if mode == "bilinear" else {}
            resized = torch.nn.functional.interpolate(tensor, size=size, mode=mode, **options)
            add(mode, list(size), resized[0, 0].numpy())
    for pixels in (1, 3):
        size = 2 * pixels + 1
        add("grow", pixels, scipy.ndimage.grey_dilation(mask, size=(size, size), mode="nearest"))
        add("grow", -pixels, scipy.ndimage.grey_erosion(mask, size=(size, size), mode="nearest"))
    for sigma in (0.8, 3.0):
        add("blur", sigma, scipy.ndimage.gaussian_filter(mask, sigma, mode="nearest"))
    return cases


def picture_cases():
    rgb = PIL.Image.fromarray(pattern(6, 7, 3))
    rgba = PIL.Image.fromarray(pattern(6, 7, 4))
    grey = PIL.Image.fromarray(pattern(6, 7, 1)[..., 0])
    deep = PIL.Image.fromarray(pattern(6, 7, 1)[..., 0].astype(numpy.uint16) * 256 + 77)
    exif = PIL.Image.Exif()
    cases = []

    def add(name, picture, kind, expected, **options):
        stream = io.BytesIO()
        picture.save(stream, kind, **options)
        expected = numpy.asarray(expected)
        cases.append({"name": name, "bytes": base64.b64encode(stream.getvalue()).decode(),
                      "shape": list(expected.shape), "values": expected.flatten().tolist()})

    def decoded(picture, kind, mode="RGB", **options):
        stream = io.BytesIO()
        picture.save(stream, kind, **options)
        return PIL.Image.open(io.BytesIO(stream.getvalue())).convert(mode)

    add("PNG, RGB", rgb, "PNG", rgb)
    add("PNG, RGBA", rgba, "PNG", rgba)
    add("PNG, grey", grey, "PNG", grey.convert("RGB"))
    add("PNG, grey and alpha", rgba.convert("LA"), "PNG", rgba.convert("LA").convert("RGBA"))
    add("PNG, one bit", grey.convert("1"), "PNG", grey.convert("1").convert("RGB"))
    add("PNG, 16 bits", deep, "PNG", grey.convert("RGB"))
    palette = rgb.quantize(16)
    add("PNG, palette", palette, "PNG", palette.convert("RGB"))
    add("PNG, palette with a transparent colour", palette, "PNG",
        decoded(palette, "PNG", "RGBA", transparency=3), transparency=3)
    add("JPEG", rgb, "JPEG", decoded(rgb, "JPEG", quality=90), quality=90)
    add("JPEG, progressive grey", grey, "JPEG",
        decoded(grey, "JPEG", quality=90, progressive=True), quality=90, progressive=True)
    for orientation in range(2, 9):
        exif[0x0112] = orientation
        stream = io.BytesIO()
        rgb.save(stream, "JPEG", quality=90, exif=exif)
        upright = PIL.ImageOps.exif_transpose(PIL.Image.open(io.BytesIO(stream.getvalue())))
        add(f"JPEG, orientation {orientation}", rgb, "JPEG", upright, quality=90, exif=exif)
    add("WebP, lossless", rgb, "WEBP", rgb, lossless=True)
    add("WebP, lossless with alpha", rgba, "WEBP", decoded(rgba, "WEBP", "RGBA", lossless=True),
        lossless=True)
    add("WebP, lossy", rgb, "WEBP", decoded(rgb, "WEBP", quality=90), quality=90)
    return cases


def main():
    import PIL.ImageOps  # noqa: F401  (used as PIL.ImageOps above)

    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, cases in (("resample", resample_cases()), ("masks", mask_cases()),
                        ("pictures", picture_cases())):
        text = "[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
        (FOLDER / f"{name}.json").write_text(text + "\n]\n")


if __name__ == "__main__":
    main()
