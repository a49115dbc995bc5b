"""A figure's SVG made fit to stand inside the page: no style attributes, colours that follow the page, unique ids.

The page's content-security policy allows no inline styles, so what matplotlib writes as ``style="…"`` becomes
presentation attributes. The file is parsed and written again, element by element, from a short list of what may be
there: whatever a label holds, it stays text.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from featx.reporting.style import INK

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "{http://www.w3.org/1999/xlink}href"
#: Elements that a figure is made of; others are left out.
_ELEMENTS = frozenset({"svg", "g", "defs", "path", "use", "text", "tspan", "rect", "clipPath", "pattern", "image"})
#: Attributes that are kept; those of ``style`` become such.
_ATTRIBUTES = frozenset(
    {"d", "x", "y", "width", "height", "transform", "id", "viewBox", "fill", "stroke", "stroke-width", "opacity",
     "stroke-linejoin", "stroke-linecap", "stroke-dasharray", "stroke-dashoffset", "fill-opacity", "stroke-opacity",
     "fill-rule", "clip-path", "text-anchor", "font-size", "font-weight", "font-style", "patternUnits", "clipPathUnits",
     "preserveAspectRatio"}
)  # fmt: skip
_PAPER = "#ffffff"
_FONT = re.compile(r"(?:(italic|oblique) )?(?:(bold|[1-9]00) )?(?:[a-z-]+ )?([\d.]+)px ")


def inline_svg(svg: bytes, name: str, description: str) -> str:
    """Return the SVG as markup for an HTML page.

    Parameters
    ----------
    svg : bytes
        As matplotlib writes it.
    name : str
        Unique in the page; put before every id.
    description : str
        What a screen reader says of the figure.
    """
    root = ET.fromstring(svg)  # noqa: S314 (written by matplotlib in this process)
    ids = f"{name}-"
    made = ET.Element("svg", {"class": "plot", "role": "img", "aria-label": description})
    made.set("viewBox", root.attrib["viewBox"])
    for key in ("width", "height"):  # points become pixels, so that ten points are ten points of the page
        made.set(key, f"{float(root.attrib[key].removesuffix('pt')) * 4 / 3:.0f}")
    made.set("stroke-linejoin", "round")
    made.set("stroke-linecap", "butt")
    for child in root:
        _copy(child, made, ids)
    return ET.tostring(made, encoding="unicode", short_empty_elements=True)


def _copy(source: ET.Element, parent: ET.Element, ids: str) -> None:
    tag = source.tag.removeprefix(f"{{{_SVG}}}")
    if tag not in _ELEMENTS:
        return
    attributes = {key: value for key, value in source.attrib.items() if key != "style"}
    attributes |= _declarations(source.attrib.get("style", ""))
    if tag == "path" and parent.get("id", "").startswith(f"{ids}patch_") and attributes.get("fill") == _PAPER:
        attributes["fill"] = "none"  # the page's own paper shows through
    if tag == "text":
        attributes.setdefault("fill", INK)
    made = ET.SubElement(parent, tag)
    for key, value in attributes.items():
        if key == _XLINK and value.startswith(("#", "data:image/png;base64,")):
            made.set("href", f"#{ids}{value[1:]}" if value.startswith("#") else "".join(value.split()))
        elif key in _ATTRIBUTES:
            made.set(key, ids + value if key == "id" else _value(value, ids))
    made.text = source.text if tag in ("text", "tspan") else None
    for child in source:
        _copy(child, made, ids)


def _declarations(style: str) -> dict[str, str]:
    """Return the presentation attributes that say the same as a style attribute."""
    attributes = {}
    for declaration in style.split(";"):
        key, colon, value = declaration.partition(":")
        if colon and key.strip() != "font":
            attributes[key.strip()] = value.strip()
    font = re.search(r"(?:^|;)\s*font:\s*([^;]*)", style)
    if font and (parts := _FONT.match(font[1])):
        attributes["font-size"] = parts[3]
        if parts[2]:
            attributes["font-weight"] = parts[2]
    return attributes


def _value(value: str, ids: str) -> str:
    if value.lower() == INK or value == "black":
        return "currentColor"
    return value.replace("url(#", f"url(#{ids}")
