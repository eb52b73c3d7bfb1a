// Plots of a row: what comes in goes up, what goes out goes down; a gap stays a gap and says why; zooming one zooms all.
const style = getComputedStyle(document.documentElement);
const colour = (name) => style.getPropertyValue(name).trim();
const prefixed = (number, unit) => {
  for (const [size, prefix] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]])
    if (Math.abs(number) >= size) return `${+(number / size).toPrecision(3)} ${prefix}${unit}`;
  return `${+number.toPrecision(3)} ${unit}`;
};
const when = (at) => `${new Date(at).toISOString().slice(0, 19).replace("T", " ")}Z`;
const plots = [];

// Each run without numbers is an area of its own, so that a gap can be pointed at.
function gaps(points) {
  const found = [];
  points.forEach(([at, value, why], index) => {
    if (value !== null) return;
    const before = found.at(-1), end = points[index + 1]?.[0] ?? at;
    if (before && before.last === index - 1 && before.why === why) { before.end = end; before.last = index; } else found.push({ start: at, end, why, last: index });
  });
  return found.filter((gap) => gap.end > gap.start).map((gap) => [{ xAxis: gap.start, name: gap.why || "no value" }, { xAxis: gap.end }]);
}

function series(told, names, factor) {
  const line = (name, points, extra) => ({ name, type: "line", step: "end", symbol: "none", connectNulls: false, data: points, ...extra });
  const found = names.map((name, index) => line(name, told.lines[name].map(([at, value, why]) => [at, value === null ? null : value * factor(name), why]), {
    areaStyle: { opacity: 0.25 }, lineStyle: { width: 1.4 },
    markArea: index ? undefined : { silent: false, itemStyle: { color: colour("--line"), opacity: 0.5 }, label: { show: false }, emphasis: { label: { show: true, color: colour("--text"), position: "insideTop" } }, data: gaps(told.lines[name]) },
    markLine: { symbol: "none", silent: true, label: { color: colour("--dim"), formatter: "{b}", position: "insideEndTop" }, lineStyle: { type: "dotted", color: colour("--dim") },
      data: [...(told.p95[name] === null ? [] : [{ name: `p95 ${name}`, yAxis: told.p95[name] * factor(name) }]),
        ...(told.speed && told.unit === "octets/s" ? [{ name: "line rate", yAxis: told.speed * Math.sign(factor(name)) , lineStyle: { type: "solid", color: colour("--fault") } }] : [])] },
  }));
  for (const name of names) if (told.before[name]) found.push(line(`${name} a week before`, told.before[name].map(([at, value]) => [at, value === null ? null : value * factor(name)]), { lineStyle: { width: 1, type: "dashed" }, itemStyle: { color: colour("--dim") } }));
  return found;
}

async function draw(place) {
  const answer = await fetch(place.dataset.plot);
  if (!answer.ok) { place.textContent = (await answer.text()).match(/<p id="detail">([^<]*)/)?.[1] ?? "What this plot needs is away."; place.classList.add("empty"); return; }
  const told = await answer.json();
  const octets = told.unit === "octets/s", unit = octets ? "bit/s" : told.unit, names = Object.keys(told.lines);
  if (names.every((name) => told.lines[name].every((point) => point[1] === null))) {
    place.textContent = "No numbers in this time."; place.classList.add("empty"); return;
  }
  const factor = (name) => (octets ? 8 : 1) * (name === told.under ? -1 : 1);
  const highest = Math.max(...names.flatMap((name) => [...told.lines[name], ...(told.before[name] ?? [])].map((point) => (point[1] ?? 0) * Math.abs(factor(name)))));
  const plot = echarts.init(place, null, { renderer: "svg" });
  plots.push(plot);
  plot.setOption({
    animation: false, color: [colour("--in"), colour("--out")],
    textStyle: { fontFamily: "inherit", color: colour("--text") },
    grid: { left: 104, right: 14, top: 28, bottom: 26 },
    legend: { data: [...names, ...names.slice(0, 1).filter((name) => told.before[name]).map((name) => `${name} a week before`)], top: 0, right: 8, itemGap: 18, icon: "rect", itemHeight: 3, textStyle: { color: colour("--text") } },
    dataZoom: [{ type: "inside" }],
    tooltip: {
      trigger: "axis", renderMode: "richText",
      formatter: (points) => when(points[0].value[0]) + "\n" + points.map((point) => `${point.seriesName}: ${point.value[1] === null ? point.value[2] || "no value" : prefixed(Math.abs(point.value[1]), unit)}`).join("\n"),
    },
    xAxis: { type: "time", axisLine: { lineStyle: { color: colour("--line") } }, axisLabel: { color: colour("--dim"), hideOverlap: true } },
    // the line rate is drawn where it is near: an idle line's plot is not flattened by it
    yAxis: { type: "value", min: (value) => 1.05 * Math.min(value.min, 0), max: (value) => 1.05 * Math.max(value.max, highest > 0.4 * told.speed ? told.speed : 0) || 1, axisLabel: { color: colour("--dim"), formatter: (number) => prefixed(Math.abs(number), unit) }, splitLine: { lineStyle: { color: colour("--line") } } },
    series: series(told, names, factor),
  });
  plot.group = "row";
  place.dataset.gaps = told.lines[names[0]].filter((point) => point[1] === null && point[2]).length;
  const png = place.parentElement.querySelector("[data-png]");
  png?.addEventListener("click", () => picture(place, png.dataset.png));
  addEventListener("resize", () => plot.resize());
}

// As a picture: drawn again on a canvas, which the page's own policy lets be saved.
function picture(place, name) {
  const paper = document.createElement("div");
  Object.assign(paper.style, { width: `${place.clientWidth}px`, height: `${place.clientHeight}px` });
  const copy = echarts.init(paper, null, { renderer: "canvas" });
  copy.setOption(echarts.getInstanceByDom(place).getOption());
  const link = document.createElement("a");
  link.href = copy.getDataURL({ pixelRatio: 2, backgroundColor: colour("--card") });
  link.download = name;
  link.click();
  copy.dispose();
}
Promise.all([...document.querySelectorAll("[data-plot]")].map(draw)).then(() => echarts.connect("row"));
