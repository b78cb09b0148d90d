"""Tables as people and spreadsheets write them."""

import pytest

from utils.console import Failure
from utils.spreadsheet import read_table

TWO = {2: {"path": "a b.mp4", "label": "real"}, 3: {"path": "c.mp4", "label": "fake"}}


@pytest.mark.parametrize(
    "content, shift",
    [
        ("path,label\na b.mp4,real\nc.mp4,fake\n", 0),
        ("path;label\na b.mp4;real\nc.mp4;fake\n", 0),
        ("path\tlabel\na b.mp4\treal\nc.mp4\tfake\n", 0),
        ("Path,LABEL\na b.mp4,real\nc.mp4,fake", 0),
        (' path , "Label" \n a b.mp4 , "real" \n c.mp4 , fake \n', 0),
        ("\ufeffpath,label\r\na b.mp4,real\r\nc.mp4,fake\r\n", 0),
        ("path,label\ra b.mp4,real\rc.mp4,fake\r", 0),
        ("sep=;\npath;label\na b.mp4;real\nc.mp4;fake\n", 1),
        ("\n\npath,label\na b.mp4,real\nc.mp4,fake\n , \n\n", 2),
    ],
)
def test_separators_heads_and_blanks_of_spreadsheets_are_understood(tmp_path, content, shift):
    path = tmp_path / "list.csv"
    path.write_bytes(content.encode())
    rows = read_table(path, ("path", "label"))
    assert rows == {line + shift: row for line, row in TWO.items()}


def test_a_separator_inside_quotes_or_values_divides_nothing(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text('"path; old",label\n"x, y;z.mp4",real\n')
    assert read_table(path) == {2: {"path;_old": "x, y;z.mp4", "label": "real"}}


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"", "lacks the column path and label in its first row"),
        (b"a.mp4,real\n", "lacks the column path and label in its first row"),
        (b"path|label\na|real\n", "lacks the column path and label"),
        ("path,label\nä,real\n".encode("utf-16"), "not a CSV in UTF-8: save it as one"),
    ],
)
def test_what_is_no_such_table_is_refused_by_name(tmp_path, content, reason):
    path = tmp_path / "list.csv"
    path.write_bytes(content)
    with pytest.raises(Failure, match=reason) as caught:
        read_table(path, ("path", "label"))
    assert str(path) in str(caught.value)


def test_short_rows_are_filled_and_a_missing_file_is_named(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("path,label,method\na.mp4,real\nb.mp4,fake,x,too,many\n")
    assert list(read_table(path).values()) == [
        {"path": "a.mp4", "label": "real", "method": ""},
        {"path": "b.mp4", "label": "fake", "method": "x"},
    ]
    with pytest.raises(Failure, match=r"gone\.csv cannot be read"):
        read_table(tmp_path / "gone.csv")
