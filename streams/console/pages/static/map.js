// The map: devices where they were put last, links with the load of their busier direction.
const style = getComputedStyle(document.documentElement);
const colour = (name) => style.getPropertyValue(name).trim();
const place = document.getElementById("map");
const kept = "panoptes.map";
const remembered = () => { try { return JSON.parse(localStorage.getItem(kept)) ?? {}; } catch { return {}; } };
const shapes = { good: "circle", partial: "diamond", missed: "triangle", silent: "rect", auth: "pin", fault: "pin", unknown: "emptyCircle" };
const lines = { up: "solid", "one-sided": "dashed" };
const loadOf = (link) => link.speed && (link.in !== null || link.out !== null) ? Math.max(link.in ?? 0, link.out ?? 0) / link.speed : null;
const step = (load) => load === null ? "--line-strong" : load < 0.01 ? "--l0" : load < 0.3 ? "--l1" : load < 0.6 ? "--l2" : load < 0.85 ? "--l3" : "--l4";
const bits = (number) => { if (number === null) return "not known"; for (const [size, prefix] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) if (number >= size) return `${+(number / size).toPrecision(3)} ${prefix}bit/s`; return `${+number.toPrecision(3)} bit/s`; };

function option(graph) {
  const places = remembered();
  const sites = [...new Set(graph.nodes.map((node) => node.site))].sort();
  const parallel = {};
  graph.nodes.forEach((node, at) => {
    const centre = (2 * Math.PI * sites.indexOf(node.site)) / sites.length, angle = (2 * Math.PI * at) / graph.nodes.length;
    node.x = 500 + 300 * Math.cos(centre) + 120 * Math.cos(angle); node.y = 300 + 200 * Math.sin(centre) + 90 * Math.sin(angle);
  });
  return {
    animation: false,
    tooltip: { renderMode: "richText", formatter: (of) => of.data.told },
    series: [{
      type: "graph", layout: graph.nodes.every((node) => places[node.id]) ? "none" : "force", roam: true, draggable: true, scaleLimit: { min: 0.3, max: 6 },
      force: { repulsion: 420, edgeLength: [50, 110], gravity: 0.16, layoutAnimation: false }, left: 70, right: 70, top: 24, bottom: 34, preserveAspect: true, labelLayout: { hideOverlap: true },
      label: { show: true, position: "bottom", color: colour("--text"), fontSize: 11 },
      data: graph.nodes.map((node) => ({
        id: node.id, name: node.name, symbol: shapes[node.state] ?? "circle", symbolSize: 18, x: places[node.id]?.[0] ?? node.x, y: places[node.id]?.[1] ?? node.y,
        itemStyle: { color: colour(`--${node.state}`), borderColor: colour("--page"), borderWidth: 1.5 }, told: `${node.name}\n${node.site}\n${node.state}`,
      })),
      links: graph.links.map((link) => {
        const pair = [link.source, link.target].sort().join(); parallel[pair] = (parallel[pair] ?? 0) + 1;
        return {
          source: link.source, target: link.target, told: `${link.ports.join(" to ")}: ${link.state}\nto the right ${bits(link.out)}\nto the left ${bits(link.in)}\nline ${bits(link.speed)}`,
          lineStyle: { color: colour(link.state === "up" || link.state === "one-sided" ? step(loadOf(link)) : "--silent"), type: lines[link.state] ?? "dotted", width: 2.5, curveness: 0.12 * (parallel[pair] - 1), opacity: 1 },
        };
      }),
    }],
  };
}

const chart = echarts.init(place);
async function refresh(first) {
  const answer = await fetch(place.dataset.graph);
  if (!answer.ok) return;
  const graph = await answer.json();
  place.dataset.links = graph.links.length;
  if (first) {
    chart.setOption(option(graph));
  } else {
    const told = option(graph), model = chart.getModel().getSeriesByIndex(0).getData();
    told.series[0].layout = "none";
    told.series[0].data.forEach((node) => { const at = model.indexOfName(node.name); const where = at < 0 ? null : model.getItemLayout(at); if (where) [node.x, node.y] = where; });
    chart.setOption(told);
  }
}
chart.on("mouseup", (event) => {
  if (event.dataType !== "node") return;
  const where = chart.getModel().getSeriesByIndex(0).getData().getItemLayout(event.dataIndex);
  localStorage.setItem(kept, JSON.stringify({ ...remembered(), [event.data.id]: where }));
});
chart.on("dblclick", (event) => { if (event.dataType === "node") location.href = `/device?id=${encodeURIComponent(event.data.id)}`; });
addEventListener("resize", () => chart.resize());
refresh(true);
