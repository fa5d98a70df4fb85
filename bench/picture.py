"""Draws lines over one x axis, one panel above the other, as SVG."""

from xml.sax.saxutils import escape

WIDTH, PANEL, LEFT, RIGHT, TOP, GAP = 760, 220, 70, 20, 46, 64
INK, GRID, DOTS, LINE = "#1f2328", "#d8dee4", "#8fb5e8", "#0b57d0"


def round_up(value):
    """The next of 1, 2, 5 times a power of ten: a scale that can be read."""
    power = 10 ** (len(str(int(value))) - 1) if value >= 1 else 0.1
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)


def panel(top, title, points, smooth, limit_x):
    """One panel: pale dots for every point and a line for what is typical."""
    limit_y = round_up(max((y for _, y in smooth), default=1) * 1.3)
    x_of = lambda x: LEFT + x / limit_x * (WIDTH - LEFT - RIGHT)  # noqa: E731
    y_of = lambda y: top + PANEL - min(y, limit_y) / limit_y * PANEL  # noqa: E731
    out = [f'<text x="{LEFT}" y="{top - 12}" font-weight="600">{escape(title)}</text>']
    for part in range(5):
        value = limit_y * part / 4
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y_of(value):.1f}" y2="{y_of(value):.1f}" stroke="{GRID}"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y_of(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
    for part in range(6):
        value = limit_x * part / 5
        out.append(f'<text x="{x_of(value):.1f}" y="{top + PANEL + 18}" text-anchor="middle">{value:g}</text>')
    out += [f'<circle cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="1.4" fill="{DOTS}"/>' for x, y in points]
    path = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in smooth)
    out.append(f'<polyline points="{path}" fill="none" stroke="{LINE}" stroke-width="2"/>')
    return out


def draw(title, panels, axis):
    """`panels`: (title, points, smooth line) each; `axis`: what x is."""
    limit_x = max(x for _, points, smooth in panels for x, _ in points + smooth)
    height = TOP + len(panels) * (PANEL + GAP) + 10
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
           f'font-family="system-ui, sans-serif" font-size="12" fill="{INK}">',
           '<rect width="100%" height="100%" fill="white"/>',
           f'<text x="{LEFT}" y="20" font-size="15" font-weight="700">{escape(title)}</text>']
    for number, (name, points, smooth) in enumerate(panels):
        out += panel(TOP + 18 + number * (PANEL + GAP), name, points, smooth, limit_x)
    out.append(f'<text x="{WIDTH / 2}" y="{height - 8}" text-anchor="middle">{escape(axis)}</text></svg>\n')
    return "\n".join(out)
