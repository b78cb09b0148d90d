"""index.html: the verdicts on many files in one table, each with a link to its page."""

import os
from pathlib import Path
from urllib.parse import quote

from handout.html import PAGE
from handout.markup import escaped, name, write_document
from judging.summary import ORDER, summary_row, suspicion_of

HEADS = ("File", "Verdict", "Likelihood ratio", "p_fake", "Faces")
# Makes the heads buttons that sort by the cells' keys; without it the table stays as it is.
SORT = """
const body = document.querySelector("tbody"), heads = document.querySelectorAll("thead th");
heads.forEach((head, column) => {
  head.innerHTML = `<button>${head.innerHTML}</button>`;
  head.firstChild.onclick = () => {
    const up = head.ariaSort !== "ascending", key = row => row.cells[column].dataset.key;
    heads.forEach(other => other.ariaSort = null);
    head.ariaSort = up ? "ascending" : "descending";
    const rows = [...body.rows].sort((a, b) =>
      key(a) - key(b) || key(a).localeCompare(key(b), "en", { numeric: true }));
    body.append(...(up ? rows : rows.reverse()));
  };
});
"""


def write_index(folder: Path, reports: list[tuple[Path, dict]]) -> None:
    """Write index.html, the most suspicious file first. reports: of each file the folder of its
    reports, and what report.json holds."""
    ordered = sorted(reports, key=lambda pair: suspicion_of(summary_row(pair[1])))
    outcomes = [report["verdict"]["outcome"] for _, report in ordered]
    counts = ", ".join(f"{outcomes.count(outcome):,} {outcome}" for outcome in ORDER)
    title = f"{len(ordered):,} files: {counts}"
    heads = "".join(f'<th scope="col">{head}</th>' for head in HEADS)
    rows = "\n".join(_row(os.path.relpath(place, folder), report) for place, report in ordered)
    body = (
        f"<main><h1><small>Deepfake analysis of a folder</small>{title}</h1>"
        "<p>Among many real files some are called FAKE by chance. Each page says how often that "
        "happens, and what its verdict cannot see.</p>"
        f'<table class="files"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></main>'
    )
    write_document(folder / "index.html", title, body, SORT)


def _row(place: str, report: dict) -> str:
    """A table's row; place: the folder of the file's reports, from the index."""
    row, title = summary_row(report), report["verdict"]["title"]
    score, ratio = row["p_fake"], row["likelihood_ratio"]
    link = quote(f"{place}/{PAGE}".replace(os.sep, "/"))
    file = "/".join(Path(row["file"]).parts[-2:])
    cells = [
        (file, f'<a href="{link}">{name(file)}</a>'),
        (ORDER.index(row["verdict"]), f"<strong>{escaped(title)}</strong>"),
        (-1 if ratio is None else ratio, escaped(row["weight"] or "–")),
        (-1 if score is None else score, "–" if score is None else f"{score:.3f}"),
        (row["faces_judged"], row["faces_judged"]),
    ]
    texts = "".join(f'<td data-key="{escaped(key)}">{text}</td>' for key, text in cells)
    return f'<tr class="{row["verdict"].lower()}">{texts}</tr>'
