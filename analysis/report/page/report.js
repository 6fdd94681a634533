// Draws the figures of a report. The data is the JSON in #data: what analysis/report/figure.h describes.
'use strict';
window.addEventListener('error', (event) => document.body.setAttribute('data-error', event.message));
(function () {
  const data = JSON.parse(document.getElementById('data').textContent);
  const scheme = window.matchMedia('(prefers-color-scheme: dark)');
  const charts = [], swatches = [], markColour = '#c23b3b';

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
      encode: {x: 0, y: [1, 2]}, // both ends count for the axis
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

  // Dashed series are a second value of a run, called "RUN, VALUE": both go by the run's name and are shown or hidden
  // together.
  function group(series) {
    const comma = series.dashed ? series.name.lastIndexOf(', ') : -1;
    return comma < 0 ? series.name : series.name.slice(0, comma);
  }

  function many(figure) {
    return figure.series.reduce((sum, each) => sum + each.x.length, 0) > 60;
  }

  // A logarithmic axis of less than two decades has ticks at powers of two: powers of ten would be too few.
  function logarithmic(values) {
    const shown = values.filter((value) => value > 0), low = Math.min(...shown), high = Math.max(...shown);
    return high / low < 100 ? {type: 'log', logBase: 2, min: low, max: high} : {type: 'log'};
  }

  function drawn(figure, series) {
    const common = {name: group(series), itemStyle: {color: colour(series)}};
    const points = series.x.map((x, i) => [x, series.y[i]]);
    switch (series.kind) {
      case 'bars': return Object.assign(common, {type: 'bar', data: series.y, barGap: '20%', barCategoryGap: '30%', barMaxWidth: 48});
      case 'ranges': return whisker(figure, series);
      case 'points':
        return Object.assign(common, {type: 'scatter', symbolSize: many(figure) && points.length > 1 ? 6 : 12, data: points.map((value, i) => ({value, name: series.labels[i] || series.name}))});
      default:
        return Object.assign(common, {type: 'line', data: points, showSymbol: points.length <= 30, symbolSize: 6, step: series.kind === 'step' ? 'end' : false,
                                      lineStyle: {width: series.dashed ? 1 : 2, type: series.dashed ? 'dashed' : 'solid', color: colour(series)}});
    }
  }

  // The texts of marks are in the legend, where they cover nothing.
  function marks(figure) {
    return {silent: true, symbol: 'none', label: {show: false}, lineStyle: {type: 'dashed', color: markColour},
            data: figure.marks.map((mark) => (mark.vertical ? {xAxis: mark.at} : {yAxis: mark.at}))};
  }

  function number(value) {
    return typeof value === 'number' && isFinite(value) ? String(Number(value.toPrecision(5))) : '–';
  }

  // Nothing where rounding would change the value: ends of axes that are no round numbers.
  function tick(value) {
    const text = Number(value.toPrecision(4));
    return Math.abs(text - value) <= 1e-9 * Math.abs(value) ? text.toLocaleString('en-US', {maximumSignificantDigits: 6}) : '';
  }

  // What comes near zero begins there: a curve cut off close above it misleads.
  function least(extent) {
    return extent.min > 0 && extent.min < 0.5 * extent.max ? 0 : null;
  }

  function pointedAt(figure, entries) {
    const line = (marker, name, value) => '<div>' + marker + echarts.format.encodeHTML(name) + ' <b>' + value + '</b></div>';
    const named = figure.categories.length > 0, first = entries[0];
    const head = named ? first.axisValueLabel : figure.x.title + ': ' + number(first.axisValue);
    return '<div>' + echarts.format.encodeHTML(head) + '</div>' + entries.map((entry) => {
      const value = Array.isArray(entry.value) ? entry.value[1] : entry.value;
      return line(entry.marker, figure.series[entry.seriesIndex].name, number(value));
    }).join('');
  }

  // Names of categories lean where they do not fit side by side.
  function leaning(figure, width) {
    const longest = Math.max(0, ...figure.categories.map((name) => name.length));
    return (longest + 1) * 7 * figure.categories.length > width - 80 ? Math.min(longest, 22) : 0;
  }

  function options(figure, width) {
    const named = figure.categories.length > 0;
    const series = figure.series.map((each) => drawn(figure, each));
    if (series.length && figure.marks.length) series[0].markLine = marks(figure);
    const pointing = figure.series.some((each) => each.kind === 'points');
    const bars = figure.series.some((each) => each.kind === 'bars');
    const title = {nameLocation: 'middle', nameTextStyle: {fontSize: 13}};
    const label = {hideOverlap: true, fontSize: 12};
    const lean = leaning(figure, width);
    const leaned = lean ? {interval: width < 28 * figure.categories.length ? 'auto' : 0, rotate: 40, width: 150, overflow: 'truncate'} : {interval: 0};
    const all = (coordinate) => figure.series.flatMap((each) => each[coordinate]);
    const plain = {type: 'value', scale: pointing, max: pointing ? null : 'dataMax',
                   min: pointing ? null : (extent) => (extent.min > 0 && extent.min < 0.05 * extent.max ? 0 : extent.min)};
    return {
      animation: false, backgroundColor: 'transparent', aria: {enabled: true},
      grid: {left: 64, right: 16, top: 12, bottom: named ? 28 + 4.5 * lean : 48},
      legend: {show: false, data: [...new Set(series.map((each) => each.name))]},
      tooltip: {trigger: pointing ? 'item' : 'axis', confine: true, extraCssText: 'max-width: 24rem; white-space: normal; overflow-wrap: anywhere',
                formatter: pointing ? (point) => echarts.format.encodeHTML(point.name) : (entries) => pointedAt(figure, entries)},
      xAxis: named ? {type: 'category', data: figure.categories, axisLabel: Object.assign(leaned, {fontSize: 12})}
                   : Object.assign({name: figure.x.title, nameGap: 28, axisLabel: Object.assign({formatter: tick}, label)}, title,
                                   figure.x.log ? logarithmic(all('x')) : plain),
      yAxis: Object.assign({name: figure.y.title, nameGap: 46, axisLine: {onZero: false}, axisLabel: Object.assign({formatter: tick}, label)}, title,
                           figure.y.log ? {type: 'log'} : {type: 'value', scale: !bars, min: bars ? null : least}),
      series,
    };
  }

  // Buttons that show and hide runs; marks and the meaning of dashes beside them.
  function legend(each) {
    const list = element('ul', {class: 'legend', 'aria-label': 'Series of ' + each.figure.title});
    const entry = (child) => list.appendChild(element('li')).appendChild(child);
    const names = new Set(), seconds = new Set();
    for (const series of each.figure.series) {
      if (series.dashed && group(series) !== series.name) seconds.add(series.name.slice(group(series).length + 2));
      if (names.has(group(series)) || series.kind === 'ranges') continue;
      names.add(group(series));
      const button = element('button', {type: 'button', 'aria-pressed': 'true'});
      const swatch = button.appendChild(element('span', {class: 'swatch ' + series.kind, 'aria-hidden': 'true'}));
      swatches.push(() => { swatch.style.background = colour(series); });
      button.appendChild(document.createTextNode(group(series)));
      button.addEventListener('click', () => {
        const shown = button.getAttribute('aria-pressed') !== 'true';
        button.setAttribute('aria-pressed', String(shown));
        each.hidden[group(series)] = !shown;
        each.chart.dispatchAction({type: shown ? 'legendSelect' : 'legendUnSelect', name: group(series)});
      });
      entry(button);
    }
    const note = (kind, text) => {
      const item = entry(element('span', {class: 'note'}));
      item.appendChild(element('span', {class: 'swatch ' + kind, 'aria-hidden': 'true'}));
      item.appendChild(document.createTextNode(text));
    };
    seconds.forEach((text) => note('dashes', text));
    each.figure.marks.forEach((mark) => note('mark', mark.text));
    return names.size + seconds.size + each.figure.marks.length > 1 ? list : null;
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
    const section = element('section', {id: figure.id, tabindex: '-1', 'aria-labelledby': figure.id + '-title'});
    section.appendChild(element('h2', {id: figure.id + '-title'}, figure.title));
    section.appendChild(element('p', {class: 'caption'}, figure.caption));
    if (figure.series.length > 0) {
      const plot = element('div', {class: 'plot', role: 'img', 'aria-label': figure.title + '. ' + figure.caption});
      const each = {plot, figure, chart: null, hidden: {}};
      const names = legend(each);
      if (names) section.appendChild(names);
      section.appendChild(plot);
      charts.push(each);
    } else {
      section.className = 'whole';
    }
    section.appendChild(table(figure));
    document.getElementById('figures').appendChild(section);
    const item = element('li');
    item.appendChild(element('a', {href: '#' + figure.id}, figure.title));
    document.getElementById('contents').appendChild(item);
  }

  function draw() {
    swatches.forEach((paint) => paint());
    for (const each of charts) {
      if (each.chart) each.chart.dispose();
      each.chart = echarts.init(each.plot, scheme.matches ? 'dark' : null, {renderer: 'svg'});
      each.chart.setOption(options(each.figure, each.plot.clientWidth));
      for (const name of Object.keys(each.hidden))
        if (each.hidden[name]) each.chart.dispatchAction({type: 'legendUnSelect', name});
    }
  }

  data.figures.forEach(show);
  draw();
  scheme.addEventListener('change', draw);
  new ResizeObserver(() => charts.forEach((each) => {
    each.chart.resize();
    each.chart.setOption(options(each.figure, each.plot.clientWidth));
  })).observe(document.body);
  document.body.setAttribute('data-figures', String(data.figures.length));
}());
