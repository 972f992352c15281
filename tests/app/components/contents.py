"""What a page of the dashboard shows, as its tests read it."""

import json

from streamlit.testing.v1 import AppTest


def labels(page: AppTest) -> list[str]:
    """What its buttons say."""
    return [button.label for button in page.button]


def told(page: AppTest) -> str:
    """Its text, without headings."""
    return "\n".join(element.value for element in (*page.markdown, *page.caption, *page.info))


def pictures(page: AppTest) -> dict[str, dict]:
    """Its charts by their key."""
    charts = page.get("plotly_chart")
    return {chart.proto.id.rsplit("-", 1)[-1]: json.loads(chart.proto.spec) for chart in charts}
