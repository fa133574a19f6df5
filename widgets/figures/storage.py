"""What the same numbers take up, stored in different ways."""

from collections.abc import Mapping

import plotly.graph_objects as go

from marslab.widgets.figures.style import accent, colour, theme


def storage_bars(
    sizes: Mapping[str, float],
    chosen: str,
    *,
    title: str = "What the weights take up",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw what each way to store the same weights takes up, the chosen one marked.

    Units:
        sizes: name -> bytes; height: pixels
    """
    names = list(sizes)
    fig = go.Figure(
        go.Bar(
            x=[sizes[name] / 2**10 for name in names],
            y=names,
            orientation="h",
            width=0.6,
            marker_color=[accent(dark) if n == chosen else colour("", dark) for n in names],
            text=[f" {sizes[name] / 2**10:,.4g} KiB" for name in names],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.4g} KiB<extra></extra>",
        )
    )
    fig.update_layout(title_text=title)
    theme(fig, dark, height)
    fig.update_xaxes(title_text="size (KiB)", range=[0, 1.15 * max(sizes.values()) / 2**10])
    fig.update_yaxes(title_text="stored as", autorange="reversed")
    return fig
