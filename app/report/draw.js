// Draws every figure of the report, in the reader's light or dark, and on paper in light.
(() => {
  "use strict";
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const charts = [...document.querySelectorAll(".chart")].map((place) => ({
    place,
    figure: JSON.parse(document.getElementById(place.dataset.figure).textContent),
  }));

  // The figures set neither fonts nor grids: their page does.
  const template = (isDark) => {
    const text = isDark ? "#e6e8eb" : "#22272e";
    const grid = isDark ? "#3a4149" : "#e3e6ea";
    const axis = { gridcolor: grid, linecolor: grid, zerolinecolor: grid, tickcolor: grid, automargin: true };
    const hover = { bgcolor: isDark ? "#2b3138" : "#ffffff", bordercolor: grid, font: { color: text } };
    return {
      layout: {
        font: { family: "system-ui, sans-serif", size: 12, color: text },
        title: { font: { color: text } },
        xaxis: axis,
        yaxis: axis,
        hoverlabel: hover,
        colorway: ["#1f6fb2", "#d9730d", "#7a8794"],
      },
    };
  };

  const draw = (isDark, width) =>
    charts.map(({ place, figure }) => {
      const layout = { ...figure.layout, template: template(isDark), autosize: width === undefined };
      if (width !== undefined) layout.width = width;
      const config = {
        displaylogo: false,
        responsive: width === undefined,
        modeBarButtons: [["toImage"]],
        toImageButtonOptions: { format: "png", scale: 2, filename: place.id },
      };
      return Plotly.react(place, figure.data, layout, config);
    });

  Promise.all(draw(dark.matches)).then(() => document.body.classList.add("drawn"));
  dark.addEventListener("change", () => draw(dark.matches));
  const PAPER = 640; // Pixels of an A4 page between its margins.
  window.addEventListener("beforeprint", () => draw(false, PAPER));
  window.addEventListener("afterprint", () => draw(dark.matches));
})();
