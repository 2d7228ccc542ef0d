"""Chapters in Matroska's XML (mkvtoolnix.download/doc/mkvmerge.html#mkvmerge.chapters), for `mkvmerge --chapters`."""

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from vamba_cli.output.times import long_clock, whole_units
from vamba_cli.output.titles import title_of
from vamba_cli.results import VideoChapters

_NANO = 10**9


def to_matroska(item: VideoChapters) -> str:
    """One edition with an atom per chapter, times in nanoseconds, language undetermined."""
    root = Element("Chapters")
    edition = SubElement(root, "EditionEntry")
    for (start, end), chapter in zip(whole_units(item.chapters, _NANO), item.chapters, strict=True):
        atom = SubElement(edition, "ChapterAtom")
        SubElement(atom, "ChapterTimeStart").text = long_clock(start, _NANO)
        SubElement(atom, "ChapterTimeEnd").text = long_clock(end, _NANO)
        display = SubElement(atom, "ChapterDisplay")
        SubElement(display, "ChapterString").text = title_of(chapter)
        SubElement(display, "ChapterLanguage").text = "und"
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'
