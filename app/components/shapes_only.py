"""Of a box or lasso only the shape goes to the server: which samples lie in it is asked of the cache anyway.

By itself a chart looks up every point inside, draws all of them anew, and sends them, and again with every later
click: of 20,000 points some megabytes, which take the server longer to read than to answer.
"""

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

_SCRIPT = """
export default function () {
  // While a shape is drawn, traces have no way to select their points; a click, in another mode, has it again.
  const pressed = (event) => {
    const plot = event.target instanceof Element && event.target.closest(".js-plotly-plot");
    if (!plot || !plot._fullData || !plot._fullLayout) return;
    const draws = ["select", "lasso"].includes(plot._fullLayout.dragmode);
    for (const trace of plot._fullData) {
      const own = trace.ownModule ?? trace._module;
      if (!own) continue;
      trace.ownModule = own;
      trace._module = draws ? Object.create(own, { selectPoints: { value: undefined } }) : own;
    }
  };
  document.addEventListener("pointerdown", pressed, true);
  return () => document.removeEventListener("pointerdown", pressed, true);
}
"""


def shapes_only() -> None:
    """Makes the charts of the page send shapes alone; where that cannot be, they send the points as well."""
    _component()(key="shapes_only")


@st.cache_resource(show_spinner=False)
def _component() -> ComponentRenderer:
    return st.components.v2.component("paretoscope_shapes_only", js=_SCRIPT)
