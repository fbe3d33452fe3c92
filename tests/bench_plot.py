"""A plain SVG of the speeds by number of clients; no library for a few bars.

Never here: measuring.
"""

COLOURS = {"dewpoint": "#2b6cb0", "llama-server": "#a0aec0"}
PANELS = [("decode_tps", "Decode, tokens/s, all clients"), ("prompt_tps", "Prompt, tokens/s")]
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 360, 240, 48, 36, 40


def nice(most):
    """The next 1, 2, 2.5 or 5 times a power of ten."""
    step = 10 ** (len(str(int(most))) - 1)
    return next(step * k for k in (1, 2, 2.5, 5, 10, 20) if step * k >= most)


def panel(results, key, title, x0):
    top = nice(max(figures[name][key] for figures in results.values() for name in figures))
    high = HEIGHT - TOP - BOTTOM
    y = lambda value: TOP + high * (1 - value / top)  # noqa: E731
    out = [f'<text x="{x0 + LEFT}" y="{TOP - 18}" font-weight="bold">{title}</text>']
    for k in range(5):
        value = top * k / 4
        out.append(f'<line x1="{x0 + LEFT}" x2="{x0 + WIDTH - 8}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#e2e8f0"/>')
        out.append(f'<text x="{x0 + LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
    group = (WIDTH - LEFT - 8) / len(results)
    for i, (clients, figures) in enumerate(results.items()):
        bar = group * 0.36
        for j, name in enumerate(COLOURS):
            value = figures[name][key]
            x = x0 + LEFT + group * i + group * 0.12 + j * (bar + 3)
            out.append(
                f'<rect x="{x:.1f}" y="{y(value):.1f}" width="{bar:.1f}" height="{TOP + high - y(value):.1f}" '
                f'fill="{COLOURS[name]}"><title>{name}: {value:.1f}</title></rect>'
            )
            out.append(f'<text x="{x + bar / 2:.1f}" y="{y(value) - 3:.1f}" text-anchor="middle" font-size="10">{value:.0f}</text>')
        word = "client" if clients == 1 else "clients"
        out.append(f'<text x="{x0 + LEFT + group * (i + 0.5):.1f}" y="{HEIGHT - 18}" text-anchor="middle">{clients} {word}</text>')
    return out


def plot(results):
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH * len(PANELS)} {HEIGHT + 12}" '
        'font-family="sans-serif" font-size="12" fill="#1a202c">',
        f'<rect width="{WIDTH * len(PANELS)}" height="{HEIGHT + 12}" fill="white"/>',
    ]
    for i, (key, title) in enumerate(PANELS):
        out += panel(results, key, title, i * WIDTH)
    for i, (name, colour) in enumerate(COLOURS.items()):
        shown = "Dewpoint" if name == "dewpoint" else name
        out.append(f'<rect x="{LEFT + i * 100}" y="{HEIGHT - 4}" width="10" height="10" fill="{colour}"/>')
        out.append(f'<text x="{LEFT + 14 + i * 100}" y="{HEIGHT + 5}">{shown}</text>')
    return "\n".join([*out, "</svg>", ""])
