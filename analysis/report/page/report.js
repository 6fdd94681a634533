// Draws the figures of a report. The data is the JSON in #data: what analysis/report/figure.h describes.
'use strict';
window.addEventListener('error', (event) => document.body.setAttribute('data-error', event.message));
(function () {
  const data = JSON.parse(document.getElementById('data').textContent);
  const scheme = window.matchMedia('(prefers-color-scheme: dark)');
  const charts = [];

  function element(name, attributes, text) {
    const node = document.createElement(name);
    for (const key of Object.keys(attributes || {})) node.setAttribute(key, attributes[key]);
    if (text !== undefined) node.textContent = text;
    return node;
  }

  function colour(series) {
    const palette = scheme.matches ? data.palette.dark : data.palette.light;
    return palette[series.colour % palette.length];
  }

  // A whisker over its bar; echarts knows where the bars of a category stand.
  function whisker(figure, series) {
    const bars = figure.series.filter((other) => other.kind === 'bars');
    const place = Math.max(0, bars.findIndex((bar) => bar.name === series.name));
    return {
      type: 'custom', name: series.name, itemStyle: {color: colour(series)}, tooltip: {show: false}, silent: true, z: 5,
      data: series.x.map((x, i) => [x, series.low[i], series.high[i]]),
      renderItem(parameters, api) {
        const slot = api.barLayout({barGap: '20%', barCategoryGap: '30%', count: bars.length})[place];
        const low = api.coord([api.value(0), api.value(1)]), high = api.coord([api.value(0), api.value(2)]);
        const x = low[0] + slot.offsetCenter, half = Math.min(6, slot.width / 3);
        const style = {stroke: getComputedStyle(document.body).color, lineWidth: 1.5, fill: null};
        const line = (x1, y1, x2, y2) => ({type: 'line', shape: {x1, y1, x2, y2}, style});
        return {type: 'group', children: [line(x, low[1], x, high[1]), line(x - half, low[1], x + half, low[1]),
                                          line(x - half, high[1], x + half, high[1])]};
      },
    };
  }

  function drawn(figure, series) {
    const common = {name: series.name, itemStyle: {color: colour(series)}};
    const points = series.x.map((x, i) => [x, series.y[i]]);
    switch (series.kind) {
      case 'bars': return Object.assign(common, {type: 'bar', data: series.y, barGap: '20%', barCategoryGap: '30%'});
      case 'ranges': return whisker(figure, series);
      case 'points':
        return Object.assign(common, {type: 'scatter', symbolSize: 12, data: points.map((value, i) => ({value, name: series.labels[i] || series.name}))});
      default:
        return Object.assign(common, {type: 'line', data: points, showSymbol: false, step: series.kind === 'step' ? 'end' : false,
                                      lineStyle: {width: series.dashed ? 1 : 2, type: series.dashed ? 'dashed' : 'solid', color: colour(series)}});
    }
  }

  function marks(figure) {
    return {silent: true, symbol: 'none', label: {formatter: (mark) => mark.name, position: 'insideEndTop'},
            lineStyle: {type: 'dashed', color: '#c23b3b'},
            data: figure.marks.map((mark) => Object.assign({name: mark.text}, mark.vertical ? {xAxis: mark.at} : {yAxis: mark.at}))};
  }

  function options(figure) {
    const named = figure.categories.length > 0;
    const series = figure.series.map((each) => drawn(figure, each));
    if (series.length && figure.marks.length) series[0].markLine = marks(figure);
    const legend = [...new Set(figure.series.map((each) => each.name))];
    const pointing = figure.series.some((each) => each.kind === 'points');
    return {
      animation: false, backgroundColor: 'transparent', aria: {enabled: true},
      grid: {left: 60, right: 20, top: legend.length > 1 ? 40 : 16, bottom: 48},
      legend: {show: legend.length > 1, data: legend, type: 'scroll', top: 0},
      tooltip: {trigger: pointing ? 'item' : 'axis', confine: true,
                formatter: pointing ? (point) => echarts.format.encodeHTML(point.name) : undefined,
                valueFormatter: (value) => (typeof value === 'number' ? String(Number(value.toPrecision(5))) : '–')},
      xAxis: named ? {type: 'category', data: figure.categories, axisLabel: {hideOverlap: true}}
                   : {type: figure.x.log ? 'log' : 'value', name: figure.x.title, nameLocation: 'middle', nameGap: 28,
                      min: 'dataMin', max: 'dataMax', axisLabel: {hideOverlap: true, formatter: (value) => String(Number(value.toPrecision(4)))}},
      yAxis: {type: figure.y.log ? 'log' : 'value', name: figure.y.title, nameLocation: 'middle', nameGap: 44, scale: !named},
      series,
    };
  }

  function table(figure) {
    const wide = element('div', {class: 'wide', tabindex: '0', role: 'region', 'aria-label': 'Numbers: ' + figure.title});
    const grid = element('table');
    figure.rows.forEach((cells, i) => {
      const row = element('tr');
      cells.forEach((text, j) => row.appendChild(element(i === 0 || j === 0 ? 'th' : 'td', i === 0 ? {scope: 'col'} : j === 0 ? {scope: 'row'} : {}, text)));
      grid.appendChild(row);
    });
    wide.appendChild(grid);
    return wide;
  }

  function show(figure) {
    const section = element('section', {id: figure.id, 'aria-labelledby': figure.id + '-title'});
    const plot = element('div', {class: 'plot', role: 'img', 'aria-label': figure.title + '. ' + figure.caption});
    section.appendChild(element('h2', {id: figure.id + '-title'}, figure.title));
    section.appendChild(element('p', {class: 'caption'}, figure.caption));
    section.appendChild(plot);
    section.appendChild(table(figure));
    document.getElementById('figures').appendChild(section);
    const item = element('li');
    item.appendChild(element('a', {href: '#' + figure.id}, figure.title));
    document.getElementById('contents').appendChild(item);
    charts.push({plot, figure, chart: null});
  }

  function draw() {
    for (const each of charts) {
      if (each.chart) each.chart.dispose();
      each.chart = echarts.init(each.plot, scheme.matches ? 'dark' : null, {renderer: 'svg'});
      each.chart.setOption(options(each.figure));
    }
  }

  data.figures.forEach(show);
  draw();
  scheme.addEventListener('change', draw);
  new ResizeObserver(() => charts.forEach((each) => each.chart.resize())).observe(document.body);
  document.body.setAttribute('data-figures', String(charts.length));
}());
