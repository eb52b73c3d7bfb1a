// The map: devices where they were put last, links with the load of their busier direction, a way, and one that is looked for.
const style = getComputedStyle(document.documentElement);
const colour = (name) => style.getPropertyValue(name).trim();
const place = document.getElementById("map");
const kept = "panoptes.map";
const remembered = () => { try { return JSON.parse(localStorage.getItem(kept)) ?? {}; } catch { return {}; } };
const shapes = { good: "circle", partial: "diamond", missed: "triangle", silent: "rect", auth: "pin", fault: "pin", unknown: "emptyCircle" };
const lines = { up: "solid", "one-sided": "dashed" };
const way = new Set(place.dataset.way.split(" ").filter(Boolean).map(decodeURIComponent));
const loadOf = (link) => link.speed && (link.in !== null || link.out !== null) ? Math.max(link.in ?? 0, link.out ?? 0) / link.speed : null;
const step = (load) => load === null ? "--line-strong" : load < 0.01 ? "--l0" : load < 0.3 ? "--l1" : load < 0.6 ? "--l2" : load < 0.85 ? "--l3" : "--l4";
const bits = (number) => { if (number === null) return "not known"; for (const [size, prefix] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) if (number >= size) return `${+(number / size).toPrecision(3)} ${prefix}bit/s`; return `${+number.toPrecision(3)} bit/s`; };

// Sites on a large circle, devices around their site, each ring as wide as it must be: drawn at once, however many there are.
function lay(nodes, places) {
  const sites = Map.groupBy ? Map.groupBy(nodes, (node) => node.site) : nodes.reduce((found, node) => found.set(node.site, [...(found.get(node.site) ?? []), node]), new Map());
  const names = [...sites.keys()].sort();
  names.forEach((name, at) => {
    const around = (2 * Math.PI * at) / names.length, members = sites.get(name), radius = 60 + 11 * Math.sqrt(members.length) * Math.sqrt(names.length > 1 ? 1 : 2);
    const far = names.length > 1 ? 160 + 26 * Math.sqrt(nodes.length) : 0;
    members.forEach((node, index) => {
      const ring = members.length > 40 ? 1 - 0.3 * (index % 3) : 1, angle = (2 * Math.PI * index) / members.length;
      const [x, y] = places[node.id] ?? [far * 1.5 * Math.cos(around) + radius * ring * 1.4 * Math.cos(angle), far * Math.sin(around) + radius * ring * Math.sin(angle)];
      node.x = x; node.y = y;
    });
  });
}

function option(graph) {
  const places = remembered(), parallel = {}, many = graph.nodes.length > 60;
  lay(graph.nodes, places);
  return {
    animation: false,
    tooltip: { renderMode: "richText", formatter: (of) => of.data.told },
    series: [{
      type: "graph", layout: "none", roam: true, draggable: true, scaleLimit: { min: 0.3, max: 12 }, emphasis: { focus: "adjacency" },
      left: 70, right: 70, top: 24, bottom: 34, preserveAspect: true, labelLayout: { hideOverlap: true },
      label: { show: true, position: "bottom", color: colour("--text"), fontSize: 11 },
      data: graph.nodes.map((node) => ({
        id: node.id, name: node.name, symbol: shapes[node.state] ?? "circle", symbolSize: many ? 10 : 18, x: node.x, y: node.y,
        itemStyle: { color: colour(`--${node.state}`), borderColor: colour("--page"), borderWidth: 1.5 }, told: `${node.name}\n${node.site}\n${node.state}`,
      })),
      links: graph.links.map((link) => {
        const pair = [link.source, link.target].sort().join(); parallel[pair] = (parallel[pair] ?? 0) + 1;
        const up = link.state in lines, on = way.has(link.key);
        return {
          source: link.source, target: link.target, told: `${link.ports.join(" to ")}: ${link.state}\nto the right ${bits(link.out)}\nto the left ${bits(link.in)}\nline ${bits(link.speed)}`,
          lineStyle: { color: colour(up ? step(loadOf(link)) : "--silent"), type: lines[link.state] ?? "dotted", width: on ? 7 : many ? 1.5 : 2.5, curveness: 0.12 * (parallel[pair] - 1), opacity: way.size && !on ? 0.35 : 1 },
        };
      }),
    }],
  };
}

const chart = echarts.init(place);
async function refresh() {
  const answer = await fetch(place.dataset.graph);
  if (!answer.ok) { place.dataset.away = answer.status; return; }
  const graph = await answer.json(), began = performance.now();
  const done = () => { chart.off("finished", done); place.dataset.links = graph.links.length; place.dataset.drawnMs = Math.round(performance.now() - began); };
  chart.on("finished", done);
  chart.setOption(option(graph));
}
const layout = () => chart.getModel().getSeriesByIndex(0).getData();
chart.on("mouseup", (event) => {
  if (event.dataType !== "node") return;
  const where = layout().getItemLayout(event.dataIndex);
  localStorage.setItem(kept, JSON.stringify({ ...remembered(), [event.data.id]: where }));
});
chart.on("dblclick", (event) => { if (event.dataType === "node") location.href = `/device?id=${encodeURIComponent(event.data.id)}`; });
document.getElementById("find").addEventListener("input", (event) => {
  chart.dispatchAction({ type: "downplay", seriesIndex: 0 });
  const wanted = event.target.value.trim(), data = layout(), found = [];
  if (wanted) for (let at = 0; at < data.count(); at++) if (data.getName(at).includes(wanted)) found.push(at);
  if (found.length) chart.dispatchAction({ type: "highlight", seriesIndex: 0, dataIndex: found });
  place.dataset.found = found.length;
});
document.getElementById("forget").addEventListener("click", () => { localStorage.removeItem(kept); refresh(); });
addEventListener("resize", () => chart.resize());
refresh();
if (!place.dataset.graph.includes("at=")) setInterval(refresh, 30000);
