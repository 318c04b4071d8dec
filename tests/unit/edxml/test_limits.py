"""The byte scanner counts what the parser would build, or more, and never less."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from bus.config import LimitSettings
from bus.edxml import limits, parser
from bus.errors import LimitExceeded, NotWellFormed


def refused(body: bytes, **settings: int) -> LimitExceeded:
    with pytest.raises(LimitExceeded) as caught:
        limits.check(body, LimitSettings(**settings))
    return caught.value


def test_size_is_refused_by_its_name() -> None:
    """A body above the limit is RCV-001; one of exactly the limit passes."""
    error = refused(b"<a></a>", body_bytes=6)
    assert error.code == "RCV-001"
    assert "body_bytes = 6" in error.detail
    limits.check(b"<a></a>", LimitSettings(body_bytes=7))


@pytest.mark.parametrize(
    "body",
    [
        b"<a><b><c/></b></a>",
        b"<a><b><c>text</c></b></a>",
        b"<a><b><c x='/>'></c></b></a>",
        b"<a><!-- </a></a> --><b><c/></b></a>",
        b"<a><![CDATA[</a></a>]]><b><c/></b></a>",
        b"<a><?pi </a></a> ?><b><c/></b></a>",
        b"<a>/><b>/><c/></b></a>",
        b"<a q='</a>'><b q=\"</b>\"><c/></b></a>",
        b"<a><b >></b ><b><c/></b></a>",
    ],
)
def test_depth_is_not_fooled(body: bytes) -> None:
    """Three levels are three, whatever looks like an end tag but is none."""
    error = refused(body, depth=2)
    assert error.code == "RCV-002"
    limits.check(body, LimitSettings(depth=3))


def test_elements_are_counted_with_everything_like_them() -> None:
    """Comments, instructions and CDATA sections count as elements, by design."""
    body = b"<a><b/><!-- --><?p?><![CDATA[]]><c>1</c></a>"
    limits.check(body, LimitSettings(elements=6))
    assert refused(body, elements=5).code == "RCV-003"


def test_attributes_are_counted_across_tags() -> None:
    """Attributes and namespace declarations of the whole message count together."""
    body = b"<a xmlns='u' b='1'><c d = \"'\" e='>'/><f g='/'/></a>"
    limits.check(body, LimitSettings(attributes=5))
    error = refused(body, attributes=4)
    assert error.code == "RCV-003"
    assert "attributes = 4" in error.detail


def test_the_place_of_the_excess_is_told() -> None:
    """A refusal names the line and column of the element that was too much."""
    error = refused(b"<a>\n <b>\n  <c/></b></a>", depth=2)
    assert (error.line, error.column) == (3, 3)


@pytest.mark.parametrize("entity", ["<!DOCTYPE a>", "<!DOCTYPE a [<!ENTITY x 'y'>]>"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-16"])
def test_a_doctype_is_refused_before_parsing(entity: str, codec: str) -> None:
    """A DOCTYPE is XML-002 with its line, also behind comments and in UTF-16."""
    body = f"<!-- <!-> -->\n<?p?> {entity}<a/>".encode(codec)
    with pytest.raises(NotWellFormed) as caught:
        limits.check(body, LimitSettings())
    assert (caught.value.code, caught.value.line, caught.value.column) == ("XML-002", 2, 7)


def test_a_doctype_in_a_comment_is_none() -> None:
    """Only markup counts: the word in a comment or in text passes."""
    limits.check(b"<!-- <!DOCTYPE a> --><a>&lt;!DOCTYPE a></a>", LimitSettings())


def test_utf_16_is_counted_in_characters() -> None:
    """Markup in UTF-16 is counted as such; look-alike bytes of other characters are not."""
    body = "<a><b>㰀㼼</b></a>".encode("utf-16")
    limits.check(body, LimitSettings(elements=2, depth=2))
    assert refused(body, depth=1).code == "RCV-002"


def test_small_bodies_are_held_to_every_limit() -> None:
    """Bounds that prove nothing hand over to the exact count, whichever limit is the tight one."""
    wide = b"<a %s/>" % b" ".join(b"n%d=''" % number for number in range(9))
    assert refused(wide, element_attributes=8).code == "RCV-003"
    limits.check(wide, LimitSettings(element_attributes=9))
    assert refused(b"<a>" + wide * 2 + b"</a>", attributes=17).code == "RCV-003"
    assert refused(b"<a x='1'>" + b"<b/>" * 8 + b"</a>", elements=8).code == "RCV-003"
    limits.check(b"<a>" + b"<b/>" * 8 + b"</a>", LimitSettings(depth=2, elements=9))


@pytest.mark.parametrize(
    "body", [b"<%s/>", b"<a %s=''/>", b"<a b='>' %s=''/>", b"<a b=\"it's>\" c='\"' %s=''/>"]
)
def test_long_names_are_refused_in_small_bodies(body: bytes) -> None:
    """A name of 1,001 bytes is refused, also behind a value that looks like the tag's end."""
    assert refused(body % (b"n" * 1001)).code == "RCV-003"
    limits.check(body % (b"n" * 900), LimitSettings())


def test_an_instruction_hides_no_depth() -> None:
    """End tags in an instruction that stands first lower no depth, and text may be long."""
    body = b"<?xml-model </a></a></a>?><a><b><c/></b></a>"
    assert refused(body, depth=2).code == "RCV-002"
    limits.check(b"<a><b>" + b"x='\">" * 9999 + b"</b></a>", LimitSettings(depth=2))


NAMES = st.sampled_from(["a", "b:c", "đ"])
PIECES = st.recursive(
    st.sampled_from(
        ["t", "/>", "<!-- <x> </x> -->", "<![CDATA[</a><a>]]>", "<?p <a?>", "]]&gt;", "'", '"']
    ),
    lambda inner: st.builds(
        lambda name, attributes, content, closed: (
            f"<{name}{attributes}/>"
            if closed
            else f"<{name}{attributes}>{''.join(content)}</{name} >"
        ),
        NAMES,
        st.sampled_from(["", " x='>'", " x=\"/>\" y = '<!--'".replace("<", "&lt;"), "\n"]),
        st.lists(inner, max_size=4),
        st.booleans(),
    ),
    max_leaves=25,
)


@given(content=st.lists(PIECES, max_size=4))
def test_nothing_is_counted_short(content: list[str]) -> None:
    """For any well-formed message, the exact counts of the parser are never below the scanner's."""
    body = f"<root xmlns:b='u'>{''.join(content)}</root>".encode()
    root = parser.parse(body)
    elements = list(root.iter(etree.Element))
    depth = max(sum(1 for _ in item.iterancestors()) + 1 for item in elements)
    attributes = sum(len(item.attrib) for item in elements) + 1
    if depth > 1:
        assert refused(body, depth=depth - 1).code == "RCV-002"
    if len(elements) > 1:
        assert refused(body, elements=len(elements) - 1).code == "RCV-003"
    if attributes > 1:
        assert refused(body, attributes=attributes - 1).code == "RCV-003"
    limits.check(body, LimitSettings(depth=depth, attributes=attributes))
