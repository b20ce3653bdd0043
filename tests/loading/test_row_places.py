import pytest

from orchestrator.errors import Problem, where
from orchestrator.loading.csv_rows import CsvFile
from orchestrator.loading.json_rows import JsonFile
from orchestrator.loading.row_file import Place

CSV = 'stream,campaign,name,tags\r\ns,"c","two\r\nlines, one ""cell""", "t"\r\n\r\ns,d\tx,,z\r\n'
JSON = '\n  {"stream": "s", "tags": [{"name": 1}, "}"], "a\\"b" : {}, "name":"x"}\n{}\n{ }\n'


@pytest.mark.parametrize(
    ("row", "key", "place"),
    [
        (0, "", (2, 1)), (0, "campaign", (2, 3)), (0, "name", (2, 7)), (0, "tags", (3, 23)),
        (1, "", (5, 1)), (1, "campaign", (5, 3)), (1, "name", (5, 7)), (1, "tags", (5, 8)), (1, "window", (5, 1)),
    ],
)  # fmt: skip
def test_a_cell_of_csv_has_a_line_and_a_column(row, key, place):
    file = CsvFile("a.csv", CSV)
    assert len(list(file.rows())) == 2
    assert file.place(row, key) == Place(*place)


@pytest.mark.parametrize(
    ("row", "key", "place"),
    [
        (0, "", (2, 1)), (0, "stream", (2, 4)), (0, "tags", (2, 19)), (0, 'a"b', (2, 47)), (0, "name", (2, 60)),
        (1, "stream", (3, 1)), (2, "stream", (4, 1)),
    ],
)  # fmt: skip
def test_a_key_of_a_json_line_has_a_line_and_a_column(row, key, place):
    file = JsonFile("a.jsonl", JSON)
    assert len(list(file.rows())) == 3
    assert file.place(row, key) == Place(*place)


def test_a_place_is_a_line_and_a_column_or_a_cell():
    assert where("a.csv", 7, 2) == "a.csv:7:2"
    assert str(Problem("a.xlsx#May", 7, 2, "stream", "is missing", "", "B7")) == "a.xlsx#May!B7: stream: is missing"
