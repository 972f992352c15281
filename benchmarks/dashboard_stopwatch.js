// Measures in the page itself: from an event to the frame in which its answer is in the page.
//
// stopwatch.arm(event, answer, argument) waits for the event, then looks in every frame; stopwatch.result is then
// {seconds, asked, server, bytes}: all of it; until the page asked the server; from then to the server's last message
// before the answer; and the size of its messages.
(() => {
  const sent = [], received = [];
  window.WebSocket = class extends window.WebSocket {
    constructor(...options) {
      super(...options);
      this.addEventListener("message", ({ data }) => received.push([performance.now(), data.byteLength ?? data.size ?? data.length]));
    }
    send(data) {
      sent.push(performance.now());
      super.send(data);
    }
  };

  const visible = (element) => element.getClientRects().length > 0 && !element.closest("[data-stale=true]");
  const app = () => document.querySelector("[data-testid=stApp]");

  // Plotly draws step by step; each kind of trace leaves its own sign that its step is done.
  function drawn(plot) {
    const { _fullLayout: layout, _fullData: data, calcdata } = plot;
    if (!layout || !data || !calcdata || calcdata.length !== data.length || !visible(plot)) return false;
    const has = (type) => data.some((trace) => trace.type === type && trace.visible === true);
    const scenes = Object.values(layout._plots ?? {}).map((subplot) => subplot._scene).filter(Boolean);
    return (
      (!has("scattergl") || (scenes.length > 0 && scenes.every((scene) => !scene.dirty))) &&
      (!has("bar") || plot.querySelector(".barlayer .point")) &&
      (!has("heatmap") || plot.querySelector(".heatmaplayer image")) &&
      (!has("scatter") || plot.querySelector(".scatterlayer .trace"))
    );
  }
  const plots = (key) =>
    [...document.querySelectorAll(`${key ? `.st-key-${key} ` : ""}.js-plotly-plot`)].filter(drawn);
  const last = (key) => plots(key).at(-1);
  const pair = () => plots().filter((plot) => ["xaxis", "yaxis"].every((name) => axis(plot, name).startsWith("influence on "))).at(-1);
  const values = (list) => Array.from(list ?? []).join();
  const signature = (key) =>
    last(key)?._fullData.map((trace) => `${trace.name} ${values(trace.x)} ${values(trace.y)}`).join("\n");
  const headings = (pattern) =>
    [...document.querySelectorAll("[data-testid=stMain] :is(h1, h2, h3, h4)")]
      .filter(visible).map((element) => element.innerText.trim()).filter((text) => pattern.test(text));
  const tables = () => [...document.querySelectorAll("[data-testid=stDataFrame] canvas")].filter(visible).length;
  const axis = (plot, name) => plot._fullLayout[name]?.title?.text ?? "";

  // From what was there before, and the argument, to whether the answer is there now.
  const answers = {
    verdict: () => [...document.querySelectorAll("[data-testid=stMain] [data-testid=stAlert]")].some(visible),
    page: () => headings(/./).length > 0,
    explore: () => last("matrix") && pair(),
    improve: () => last("predicted") && last("frontier"),
    pair: ({ a, b }) => plots().some((plot) =>
      axis(plot, "xaxis").includes(`influence on ${a}`) && axis(plot, "yaxis").includes(`influence on ${b}`)),
    sample: (_, before) => headings(/^Sample \d/).some((text) => !before.headings.includes(text)) &&
      last("sample_bars") && signature("sample_bars") !== before.sample_bars,
    target: ({ key, name, chosen }) => {
      const list = document.querySelector(`.st-key-${key}`);
      return list !== null && visible(list) && list.innerText.includes(name) === chosen;
    },
    table: (_, before) => tables() > before.tables,
    prediction: (_, before) => last("predicted") && last("frontier") &&
      signature("predicted") !== before.predicted && signature("frontier") !== before.frontier,
  };

  function arm(event, answer, argument = {}) {
    stopwatch.result = null;
    const before = { headings: headings(/^Sample \d/), tables: tables() };
    for (const key of ["sample_bars", "predicted", "frontier"]) before[key] = signature(key);
    let start = null;
    if (event === "load") start = 0;
    else window.addEventListener(event, ({ timeStamp }) => (start = timeStamp), { capture: true, once: true });
    const look = () => {
      if (start === null || !answers[answer](argument, before)) return requestAnimationFrame(look);
      const end = performance.now();
      const messages = received.filter(([time]) => start < time && time <= end);
      const asked = sent.find((time) => time > start) ?? start;
      stopwatch.result = {
        seconds: (end - start) / 1000,
        asked: (asked - start) / 1000,
        server: messages.length ? (messages.at(-1)[0] - asked) / 1000 : 0,
        bytes: messages.reduce((sum, [, bytes]) => sum + bytes, 0),
      };
    };
    requestAnimationFrame(look);
  }

  // Whether nothing has moved for a while: only then does a click hit what it is meant to hit.
  let stillSince = 0, seen = "";
  function still(milliseconds) {
    const now = performance.now();
    // Not those behind a tab, which are drawn only when it is opened.
    const charts = [...document.querySelectorAll("[data-testid=stMain] .js-plotly-plot")].filter(
      (plot) => plot.getClientRects().length > 0);
    const state = [app()?.dataset.testScriptState, charts.length, charts.every((plot) => drawn(plot)),
      sent.length, received.length, document.querySelector("[data-testid=stMain]")?.scrollHeight].join();
    if (state !== seen || !state.startsWith("notRunning") || !charts.every((plot) => drawn(plot))) {
      [seen, stillSince] = [state, now];
    }
    return now - stillSince > milliseconds;
  }

  // Where a point of a chart is on the screen, from the chart's own units.
  function onScreen(plot, x, y) {
    const box = plot.getBoundingClientRect(), { xaxis, yaxis } = plot._fullLayout;
    return [box.left + xaxis._offset + xaxis.l2p(x), box.top + yaxis._offset + yaxis.l2p(y)];
  }

  const sample = () => Number(headings(/^Sample \d/).at(-1)?.replace(/\D/g, "") ?? NaN);

  window.stopwatch = { arm, still, last, pair, sample, onScreen, result: null };
})();
