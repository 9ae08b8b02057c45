"""Plots as inline SVG: numbers go in, text comes out. Pure.

They have no colours, sizes or fonts: those are the style sheet's, which knows the classes `bar`, `c0`, `c1` ... and the
dark. A plot is as wide as the place that it is put in; its `title` is read out, and shown under a pointer.
"""

from collections.abc import Container, Sequence
from html import escape

_HEIGHT = 100
_STEP = 10
_GAP = 2


def bars(values: Sequence[float], title: str, labels: Sequence[str] = (), bad: Container[int] = ()) -> str:
    """One bar for each value, the highest as high as the plot. Each may have a label; those at `bad` places differ."""
    top = max(values, default=0)
    boxes = [(place, 0.0, _part(value, top)) for place, value in enumerate(values) if value > 0]
    shapes = [f'<path class="bar" d="{_path([box for box in boxes if box[0] not in bad])}"/>']
    if marked := [box for box in boxes if box[0] in bad]:
        shapes.append(f'<path class="bar bad" d="{_path(marked)}"/>')
    return _svg(len(values), title, [*shapes, *_hints(labels)])


def stacked(series: Sequence[Sequence[float]], title: str, labels: Sequence[str] = ()) -> str:
    """Bars in layers, the first series at the bottom; all are of one length. The highest sum is as high as the plot."""
    sums = [sum(column) for column in zip(*series, strict=True)]
    top, shapes = max(sums, default=0), list[str]()
    under = [0.0] * len(sums)
    for number, values in enumerate(series):
        parts = [(place, under[place], _part(value, top)) for place, value in enumerate(values) if value > 0]
        shapes.append(f'<path class="c{number}" d="{_path(parts)}"/>')
        for place, _, height in parts:
            under[place] += height
    return _svg(len(sums), title, [*shapes, *_hints(labels)])


def _part(value: float, top: float) -> float:
    """How high a value is drawn; what is not nothing can be seen."""
    return max(1.5, _HEIGHT * value / top)


def _path(parts: Sequence[tuple[int, float, float]]) -> str:
    """Boxes, each at its place, from a height, so much higher."""
    return "".join(
        f"M{place * _STEP} {_HEIGHT - under:.4g}v-{height:.4g}h{_STEP - _GAP}v{height:.4g}z"
        for place, under, height in parts
    )


def _hints(labels: Sequence[str]) -> list[str]:
    """What is shown under a pointer, over the whole height of the plot."""
    return [
        f'<path class="hint" d="M{place * _STEP} 0v{_HEIGHT}h{_STEP}v-{_HEIGHT}z"><title>{escape(label)}</title></path>'
        for place, label in enumerate(labels)
    ]


def _svg(columns: int, title: str, shapes: Sequence[str]) -> str:
    box = f"0 0 {max(1, columns * _STEP - _GAP)} {_HEIGHT}"
    start = f'<svg role="img" viewBox="{box}" preserveAspectRatio="none"><title>{escape(title)}</title>'
    return start + "".join(shapes) + "</svg>"
