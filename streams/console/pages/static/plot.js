// Plots of a row: what comes in goes up, what goes out goes down; a gap stays a gap.
const style = getComputedStyle(document.documentElement);
const colour = (name) => style.getPropertyValue(name).trim();
const prefixed = (number, unit) => {
  for (const [size, prefix] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]])
    if (Math.abs(number) >= size) return `${+(number / size).toPrecision(3)} ${prefix}${unit}`;
  return `${+number.toPrecision(3)} ${unit}`;
};

async function draw(place) {
  const answer = await fetch(place.dataset.plot);
  if (!answer.ok) { place.textContent = "What this plot needs is away."; place.classList.add("empty"); return; }
  const told = await answer.json();
  const octets = told.unit === "octets/s";
  const unit = octets ? "bit/s" : told.unit;
  const names = Object.keys(told.lines);
  if (names.every((name) => told.lines[name].every((point) => point[1] === null))) {
    place.textContent = "No numbers in this time."; place.classList.add("empty"); return;
  }
  const factor = (name) => (octets ? 8 : 1) * (name === told.under ? -1 : 1);
  const plot = echarts.init(place, null, { renderer: "svg" });
  plot.setOption({
    animation: false,
    color: [colour("--in"), colour("--out")],
    textStyle: { fontFamily: "inherit", color: colour("--text") },
    grid: { left: 104, right: 14, top: 28, bottom: 26 },
    legend: { top: 0, right: 8, itemGap: 18, icon: "rect", itemHeight: 3, textStyle: { color: colour("--text") } },
    dataZoom: [{ type: "inside" }],
    tooltip: {
      trigger: "axis", renderMode: "richText",
      formatter: (points) => new Date(points[0].value[0]).toISOString().slice(0, 19).replace("T", " ") + "Z\n" + points.map((point) =>
        `${point.seriesName}: ${point.value[1] === null ? point.value[2] || "no value" : prefixed(Math.abs(point.value[1]), unit)}`).join("\n"),
    },
    xAxis: { type: "time", axisLine: { lineStyle: { color: colour("--line") } }, axisLabel: { color: colour("--dim"), hideOverlap: true } },
    yAxis: { type: "value", axisLabel: { color: colour("--dim"), formatter: (number) => prefixed(Math.abs(number), unit) }, splitLine: { lineStyle: { color: colour("--line") } } },
    series: names.map((name) => ({
      name, type: "line", step: "end", symbol: "none", connectNulls: false, areaStyle: { opacity: 0.25 }, lineStyle: { width: 1.4 },
      data: told.lines[name].map(([at, value, why]) => [at, value === null ? null : value * factor(name), why]),
    })),
  });
  addEventListener("resize", () => plot.resize());
}
document.querySelectorAll("[data-plot]").forEach((place) => draw(place));
