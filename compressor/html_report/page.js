// Draws the report from the JSON in #data. Every text of it becomes a text node, never markup.
'use strict';
(() => {
  const report = JSON.parse(document.getElementById('data').textContent);
  const { manifest, original, compressed, evaluation, details } = report;
  const page = document.getElementById('page');

  // --- Text -------------------------------------------------------------------------------------

  const METRICS = ['hr@1', 'hr@5', 'hr@10', 'ndcg@5', 'ndcg@10'];
  const count = (value) => value.toLocaleString('en');
  const plural = (value, noun) => `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
  const fixed = (digits) => (value) => value.toFixed(digits);
  const significant = (value) => (value === 0 ? '0' : String(Number(value.toPrecision(3))));
  // A share as a percentage, an error so small that it would vanish by its exponent.
  const percent = (value) => `${significant(100 * value)} %`;
  const signed = (value) => `${value < 0 ? '−' : '+'}${Math.abs(100 * value).toFixed(1)} %`;
  const change = (before, after) => (before > 0 ? signed((after - before) / before) : '–');
  const interval = ({ mean, low, high }, format) =>
    `${format(mean)} [${format(low)}, ${format(high)}]`;
  const orUnknown = (value, format) => (value === null ? 'not recorded' : format(value));
  const shortNumber = (value) =>
    value >= 0.01 && value < 10000 ? significant(value) : value.toExponential(0);
  const metricName = (name) => name.toUpperCase();
  // In two lines where the plot is narrow.
  const metricLabel = (name, width) => metricName(name).replace('@', width < 500 ? '\n@' : '@');

  function bytes(value) {
    if (value < 1000) return `${value} B`;
    return value < 1e6 ? `${(value / 1e3).toFixed(1)} kB` : `${(value / 1e6).toFixed(2)} MB`;
  }

  // --- Elements ---------------------------------------------------------------------------------

  /** An element with attributes, and children that are nodes or become text. */
  function el(name, attributes, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes ?? {})) element.setAttribute(key, value);
    element.append(...children.flat().map((child) => (child instanceof Node ? child : `${child}`)));
    return element;
  }

  const paragraph = (text) => el('p', null, text);
  const missing = (text) => el('p', { class: 'missing' }, text);

  function section(id, title, ...children) {
    page.append(
      el('section', { id, 'aria-labelledby': `${id}-title` }, [
        el('h2', { id: `${id}-title` }, title),
        ...children.flat(),
      ]),
    );
  }

  /** A table of its own scroll area, reached by keyboard; the first column heads each row. */
  function table(label, header, rows) {
    const head = el('tr', null, ...header.map((text) => el('th', { scope: 'col' }, text)));
    const body = rows.map(([first, ...rest]) =>
      el('tr', null, el('th', { scope: 'row' }, first), ...rest.map((cell) => el('td', null, cell))),
    );
    const element = el('table', null, el('thead', null, head), el('tbody', null, body));
    const name = `${label}, as a table`;
    return el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': name }, element);
  }

  const folded = (summary, ...children) => el('details', null, el('summary', null, summary), ...children);

  function definitions(pairs) {
    return el('dl', null, ...pairs.flatMap(([term, text]) => [el('dt', null, term), el('dd', null, text)]));
  }

  // --- Plots ------------------------------------------------------------------------------------

  const plots = [];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  // Layers from the first to the last, in hues that both schemes can show.
  function layerColour(index, total) {
    const share = total > 1 ? index / (total - 1) : 0;
    return `hsl(${Math.round(215 - 190 * share)} 75% ${colour('--lightness')})`;
  }

  function axis(label, options = {}) {
    return {
      label,
      labelSize: 22,
      labelFont: '13px system-ui, sans-serif',
      font: '12px system-ui, sans-serif',
      stroke: colour('--muted'),
      grid: { stroke: colour('--grid'), width: 1 },
      ticks: { stroke: colour('--grid'), width: 1, size: 4 },
      ...options,
    };
  }

  const xAxis = (label, options = {}) => axis(label, { size: 30, ...options });
  const yAxis = (label, options = {}) => axis(label, { size: 56, ...options });

  /**
   * A plot under its caption. `describe` gives uPlot's options and data anew, as the colour scheme
   * changes. Who cannot see it has the same figures in a table.
   */
  function plot(caption, height, describe) {
    const frame = el('div', { class: 'plot', role: 'img', 'aria-label': `Plot: ${caption}` });
    plots.push({ frame, height, describe, chart: undefined });
    return el('figure', null, el('figcaption', null, caption), frame);
  }

  function draw(entry) {
    const width = entry.frame.clientWidth;
    if (width === 0) return; // Within something folded: drawn when that opens.
    entry.chart?.destroy();
    const { data, ...options } = entry.describe();
    const cursor = { drag: { x: false, y: false }, points: { size: 6 } };
    entry.chart = new uPlot({ cursor, width, height: entry.height, ...options }, data, entry.frame);
  }

  function drawWhenSized(entry) {
    new ResizeObserver(() => {
      const width = entry.frame.clientWidth;
      if (width > 0 && width !== entry.chart?.width) draw(entry);
    }).observe(entry.frame);
  }

  function drawAll() {
    for (const entry of plots) {
      draw(entry);
      drawWhenSized(entry);
    }
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => plots.forEach(draw));
  }

  /** A dot at (x, y) in the scale's units. */
  function dot(chart, x, y, radius, fill) {
    const { ctx } = chart;
    ctx.beginPath();
    ctx.arc(chart.valToPos(x, 'x', true), chart.valToPos(y, 'y', true), radius * devicePixelRatio, 0, 7);
    ctx.fillStyle = fill;
    ctx.fill();
    ctx.lineWidth = 1.5 * devicePixelRatio;
    ctx.strokeStyle = colour('--surface');
    ctx.stroke();
  }

  function whisker(chart, x, low, high, stroke) {
    const { ctx } = chart;
    const [centre, top, bottom] = [
      chart.valToPos(x, 'x', true),
      chart.valToPos(high, 'y', true),
      chart.valToPos(low, 'y', true),
    ];
    const cap = 5 * devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(centre, top);
    ctx.lineTo(centre, bottom);
    for (const end of [top, bottom]) {
      ctx.moveTo(centre - cap, end);
      ctx.lineTo(centre + cap, end);
    }
    ctx.lineWidth = 2 * devicePixelRatio;
    ctx.strokeStyle = stroke;
    ctx.stroke();
  }

  const legend = (entries) =>
    el(
      'ul',
      { class: 'legend' },
      ...entries.map(([name, fill]) => {
        const swatch = el('span', { class: 'swatch', 'aria-hidden': 'true' });
        swatch.style.background = fill;
        return el('li', null, swatch, name);
      }),
    );

  // --- Head -------------------------------------------------------------------------------------

  function tile(title, figure, note) {
    return el('div', { class: 'tile' }, [
      el('dt', null, title),
      el('dd', null, el('strong', null, figure), el('span', null, note)),
    ]);
  }

  function showHead() {
    const { method, dtype } = manifest.compression;
    const ndcg = evaluation.metrics_relative_change['ndcg@10'];
    const before = original.metrics['ndcg@10'].mean;
    const after = compressed.metrics['ndcg@10'].mean;
    const divergence = evaluation.divergence;
    page.append(
      el('header', null, [
        el('p', { class: 'kind' }, 'Halfling compression report'),
        el('h1', null, manifest.name),
        paragraph(`Method ${method}, stored as ${dtype}. ${plural(evaluation.users, 'test user')}.`),
        el('dl', { class: 'tiles' }, [
          tile('Weights', change(original.bytes, compressed.bytes), `${bytes(original.bytes)} → ${bytes(compressed.bytes)}`),
          tile('Parameters', change(original.parameters, compressed.parameters), `${count(original.parameters)} → ${count(compressed.parameters)}`),
          tile('NDCG@10', ndcg ? signed(ndcg.mean) : '–', `${ndcg ? `[${signed(ndcg.low)}, ${signed(ndcg.high)}]; ` : ''}${before.toFixed(4)} → ${after.toFixed(4)}`),
          tile('Same first ten', percent(evaluation['overlap@10'].mean), 'of the original’s ten items'),
          tile('KL(original ‖ compressed)', divergence ? significant(divergence.mean) : '–', divergence ? `nats an item, ${interval(divergence, significant).replace(/^\S+ /, '')}` : 'the models spell items differently'),
          tile('One ranking', `${compressed.milliseconds_per_user.toFixed(1)} ms`, `before ${original.milliseconds_per_user.toFixed(1)} ms, one thread, median`),
        ]),
      ]),
    );
  }

  const tally = (values) => {
    const counts = new Map();
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]).map(([value, times]) => `${times} × ${value}`).join(', ');
  };

  function showChoice() {
    const { method, keep, budget, dtype, seed, calibration_users: users, seconds } = manifest.compression;
    const share = ['none', 'int8', 'int4'].includes(method) ? '' : `; asked for ${percent(keep)}`;
    const asked = budget ? `; asked for at most ${bytes(budget)} of weights` : share;
    const pairs = [
      ['Model', compressed.directory],
      ['Original', original.directory],
      ['Version', manifest.version.slice(0, 16)],
      ['Size', `${plural(manifest.model.layers, 'layer')}, model dimension ${manifest.model.model_dim}, ${plural(manifest.model.items, 'item')}`],
      ['Method', method],
      ['Linear parameters', `${percent(compressed.linear_parameters / original.linear_parameters)} of ${count(original.linear_parameters)}${asked}`],
      ['Precision', dtype],
      ['Calibration', `${plural(users, 'user')}, drawn by seed ${seed}`],
      ['Time', `${seconds.toFixed(1)} s`],
    ];
    if (details) {
      const low = details.matrices.filter(({ storage }) => storage !== 'dense').map(({ rank }) => rank);
      pairs.push(['Storage', tally(details.matrices.map(({ storage, dtype: type }) => `${storage} ${type}`))]);
      if (low.length > 0) pairs.push(['Ranks', `${Math.min(...low)} to ${Math.max(...low)}`]);
    }
    section('choice', 'What was chosen', definitions(pairs));
  }

  function showHealing() {
    const { healing } = manifest.compression;
    if (!healing) {
      section('healing', 'Healing', missing('This model was not healed: it is as the closed form left it.'));
      return;
    }
    section('healing', 'Healing', definitions([
      ['Trained', `${plural(healing.epochs, 'epoch')}, ${significant(healing.minutes)} minutes, ${plural(healing.workers, 'worker')} on ${healing.device ?? 'cpu'}`],
      ['KL an item before', `${significant(healing.divergence_before)} nats`],
      ['KL an item after', `${significant(healing.divergence_after)} nats (${change(healing.divergence_before, healing.divergence_after)})`],
    ]));
  }

  // --- Metrics ----------------------------------------------------------------------------------

  function metricsPlot() {
    const sides = [
      { metrics: original.metrics, offset: -0.12, fill: () => colour('--before') },
      { metrics: compressed.metrics, offset: 0.12, fill: () => colour('--after') },
    ];
    return plot(
      'Each metric of the original (left) and of the compressed model (right), with its 95 % interval.',
      260,
      () => {
        const highest = Math.max(...sides.flatMap(({ metrics }) => METRICS.map((name) => metrics[name].high)));
        const drawSides = (chart) => {
          for (const { metrics, offset, fill } of sides) {
            METRICS.forEach((name, index) => {
              const { mean, low, high } = metrics[name];
              whisker(chart, index + offset, low, high, fill());
              dot(chart, index + offset, mean, 5, fill());
            });
          }
        };
        return {
          data: [METRICS.map((_, index) => index), METRICS.map((name) => original.metrics[name].mean)],
          scales: { x: { time: false, range: [-0.5, METRICS.length - 0.5] }, y: { range: [0, (highest || 1) * 1.08] } },
          axes: [
            xAxis('metric', { splits: () => METRICS.map((_, index) => index), values: (chart) => METRICS.map((name) => metricLabel(name, chart.width)), grid: { show: false }, size: 44 }),
            yAxis('mean over users'),
          ],
          series: [{}, { show: true, stroke: 'transparent', points: { show: false } }],
          legend: { show: false },
          cursor: { show: false },
          hooks: { draw: [drawSides] },
        };
      },
    );
  }

  function changeOf(name) {
    const relative = evaluation.metrics_relative_change[name];
    return relative ? interval(relative, signed) : '–';
  }

  function showMetrics() {
    const rows = METRICS.map((name) => [
      metricName(name),
      interval(original.metrics[name], fixed(4)),
      interval(compressed.metrics[name], fixed(4)),
      changeOf(name),
    ]);
    section('metrics', 'Metrics before and after', [
      legend([['original', 'var(--before)'], ['compressed', 'var(--after)']]),
      metricsPlot(),
      table('Metrics before and after', ['metric', 'original', 'compressed', 'change'], rows),
      paragraph(`${plural(evaluation.users, 'user')} of the ${evaluation.split} split, beam ${evaluation.beam}, seen items ${evaluation.exclude_seen ? 'excluded' : 'allowed'}. 95 % bootstrap intervals over users; the change is paired by user.`),
    ]);
  }

  // --- Bytes ------------------------------------------------------------------------------------

  function bar(value, most, side) {
    const strip = el('span', { class: `bar ${side}` });
    strip.style.width = `${most > 0 ? (100 * value) / most : 0}%`;
    return el('span', { class: 'track', 'aria-hidden': 'true' }, strip);
  }

  function showBytes() {
    const most = Math.max(...original.part_bytes, ...compressed.part_bytes);
    const rows = report.parts
      .map((name, index) => [name, original.part_bytes[index], compressed.part_bytes[index]])
      .filter(([, before, after]) => before + after > 0);
    const sum = (values) => values.reduce((total, value) => total + value, 0);
    const totals = [sum(original.part_bytes), sum(compressed.part_bytes)];
    const bars = rows.map(([name, before, after]) =>
      el('li', null, [
        el('span', null, name),
        el('span', { class: 'bars' }, bar(before, most, 'before'), bar(after, most, 'after')),
        el('span', { class: 'figure' }, `${bytes(before)} → ${bytes(after)}`),
      ]),
    );
    section('bytes', 'Bytes by part', [
      legend([['original', 'var(--before)'], ['compressed', 'var(--after)']]),
      el('ul', { class: 'parts' }, ...bars),
      table(
        'Bytes by part',
        ['part', 'original, bytes', 'compressed, bytes', 'change'],
        [...rows, ['together', ...totals]].map(([name, before, after]) => [name, count(before), count(after), change(before, after)]),
      ),
      paragraph('As they lie on disk. The catalogue is titles and the like: catalog.json, or the checkpoint’s recommender.json with its codes. Embedding rows that no prompt and no code uses are dropped without loss.'),
    ]);
  }

  // --- Matrices ---------------------------------------------------------------------------------

  // "self_attn.q_proj" of "model.layers.0.self_attn.q_proj".
  const kindOf = ({ name }) => name.replace(/^.*?layers\.\d+\./, '');

  function byKind() {
    const kinds = new Map();
    for (const matrix of details.matrices) {
      const kind = kindOf(matrix);
      kinds.set(kind, [...(kinds.get(kind) ?? []), matrix]);
    }
    return [...kinds];
  }

  const numLayers = () => Math.max(0, ...details.matrices.map(({ layer }) => layer + 1));

  function spectrumPlot(kind, matrices) {
    const total = numLayers();
    const longest = Math.max(...matrices.map((matrix) => matrix.singular_values.length));
    const caption = `${kind}, ${matrices[0].out} × ${matrices[0].in}`;
    return plot(caption, 240, () => {
      const colours = matrices.map(({ layer }) => layerColour(layer, total));
      const drawRanks = (chart) =>
        matrices.forEach(({ rank, storage, singular_values: values }, index) => {
          const value = values[rank - 1];
          if (storage !== 'dense' && value > 0) dot(chart, rank, value, 5, colours[index]);
        });
      return {
        data: [
          Array.from({ length: longest }, (_, index) => index + 1),
          ...matrices.map(({ singular_values: values }) =>
            // A logarithm has no place for 0.
            Array.from({ length: longest }, (_, index) => (values[index] > 0 ? values[index] : null)),
          ),
        ],
        scales: { x: { time: false, range: [0, longest + 1] }, y: { distr: 3, log: 10 } },
        axes: [
          xAxis('index, from the largest'),
          yAxis('singular value (log)', { values: (_, values) => values.map((value) => (value ? shortNumber(value) : '')) }),
        ],
        series: [
          { label: 'index' },
          ...matrices.map(({ layer }, index) => ({
            label: `layer ${layer}`,
            stroke: colours[index],
            width: 1.5,
            points: { show: false },
            value: (_, value) => (value ? significant(value) : '–'),
          })),
        ],
        legend: { show: matrices.length <= 8 },
        hooks: { draw: [drawRanks] },
      };
    });
  }

  function matricesTable() {
    return table(
      'Every matrix',
      ['matrix', 'layer', 'out × in', 'storage', 'type', 'rank', 'parameters', 'bytes', 'relative error'],
      details.matrices.map((matrix) => [
        kindOf(matrix),
        matrix.layer,
        `${matrix.out} × ${matrix.in}`,
        matrix.storage,
        matrix.dtype,
        matrix.storage === 'dense' ? 'full' : matrix.rank,
        count(matrix.parameters),
        count(matrix.bytes),
        orUnknown(matrix.relative_error, percent),
      ]),
    );
  }

  function showSpectra() {
    if (!details) {
      section('spectra', 'Singular values and ranks', missing('This model directory has no compression.json, so singular values, ranks and errors are not known here.'));
      return;
    }
    const known = byKind()
      .map(([kind, matrices]) => [kind, matrices.filter(({ singular_values: values }) => values.length > 0)])
      .filter(([, matrices]) => matrices.length > 0);
    const what = {
      svd: 'of the weights',
      halfling: 'of what the regression is to give on the calibration (Y X′ᵀ L′⁻ᵀ, where Y are the wanted outputs, X′ the compressed model’s inputs and L′ L′ᵀ their Gram matrix, with a ridge)',
    }[manifest.compression.method] ?? 'of the weights times the inputs of the calibration (W L, where L Lᵀ is their Gram matrix)';
    section('spectra', 'Singular values and ranks', [
      known.length > 0
        ? paragraph(`Singular values ${what}: what lies right of the dot, the rank that was chosen, is what the matrix lost. Hues run from the first layer (blue) to the last (orange).`)
        : missing('No singular values were recorded.'),
      el('div', { class: 'grid' }, ...known.map(([kind, matrices]) => spectrumPlot(kind, matrices))),
      folded('Every matrix as a table', matricesTable()),
    ]);
  }

  // --- Errors -----------------------------------------------------------------------------------

  // Percentages over the layers, a line for each series: { label, stroke(), values }.
  function errorPlot(caption, layers, series) {
    return plot(caption, 260, () => ({
      data: [layers, ...series.map(({ values }) => values.map((value) => (value === null ? null : 100 * value)))],
      scales: {
        x: { time: false, range: [Math.min(...layers) - 0.5, Math.max(...layers) + 0.5] },
        y: { range: (_, low, high) => [0, (high || 1) * 1.08] },
      },
      axes: [
        xAxis('layer', { splits: () => layers, values: (_, values) => values.map(String), incrs: [1, 2, 5, 10] }),
        yAxis('relative error, %'),
      ],
      series: [
        { label: 'layer' },
        ...series.map(({ label, stroke }) => ({
          label,
          stroke: stroke(),
          width: 2,
          points: { show: true, size: 7, fill: stroke() },
          value: (_, value) => (value === null ? '–' : `${significant(value)} %`),
        })),
      ],
      legend: { show: true },
    }));
  }

  function layerErrors() {
    const known = details.layers.filter(({ relative_error: error }) => error !== null);
    if (known.length === 0) return [missing('Errors by layer were not recorded.')];
    return [
      errorPlot(
        'Relative error of the hidden states after each layer, ‖H − H′‖² / ‖H‖², compressed against original.',
        known.map(({ layer }) => layer),
        [{ label: 'hidden states', stroke: () => colour('--after'), values: known.map(({ relative_error: error }) => error) }],
      ),
      table('Error by layer', ['layer', 'relative error'], details.layers.map(({ layer, relative_error: error }) => [layer, orUnknown(error, percent)])),
    ];
  }

  function matrixErrors() {
    if (details.matrices.every(({ relative_error: error }) => error === null)) {
      return [missing('Errors by matrix were not recorded.')];
    }
    const kinds = byKind();
    const layers = [...new Set(details.matrices.map(({ layer }) => layer))].sort((a, b) => a - b);
    const errorOf = (matrices, layer) => matrices.find((matrix) => matrix.layer === layer)?.relative_error ?? null;
    return [
      errorPlot(
        'Relative error of each matrix’s outputs, ‖Y − Ŵ X′‖² / ‖Y‖², on the calibration tokens: Y is what it is to give, W X or, of a matrix that adds to the hidden states, also what those lack.',
        layers,
        kinds.map(([kind, matrices], index) => ({
          label: kind.replace(/^.*\./, ''),
          stroke: () => layerColour(index, kinds.length),
          values: layers.map((layer) => errorOf(matrices, layer)),
        })),
      ),
      table(
        'Error by matrix',
        ['matrix', ...layers.map((layer) => `layer ${layer}`)],
        kinds.map(([kind, matrices]) => [kind, ...layers.map((layer) => orUnknown(errorOf(matrices, layer), percent))]),
      ),
    ];
  }

  function showErrors() {
    if (!details) return; // The spectra's section has said so.
    section('layer-errors', 'Error by layer', ...layerErrors());
    section('matrix-errors', 'Error by matrix', ...matrixErrors());
  }

  // --- Sessions ---------------------------------------------------------------------------------

  const OPEN_SESSIONS = 2;
  const place = (rank) => (rank === 0 ? `not among the first ${evaluation.beam}` : `rank ${rank}`);

  function topList(title, titles, items, others, target) {
    const entries = titles.map((text, index) => {
      const marks = [];
      if (!others.includes(items[index])) marks.push(el('span', { class: 'only' }, 'only here'));
      if (items[index] === target) marks.push(el('span', { class: 'target' }, 'target'));
      return el('li', null, el('span', { class: 'title' }, text), ...marks);
    });
    return el('div', null, el('h3', null, title), el('ol', null, ...entries));
  }

  function sessionView(session, index) {
    const common = session.items_before.filter((item) => session.items_after.includes(item)).length;
    const earlier = session.earlier > 0 ? [el('li', { class: 'earlier' }, `${plural(session.earlier, 'item')} earlier`)] : [];
    const view = folded(
      `${index + 1}. ${common} of ${session.items_before.length} in common: ${session.target}`,
      el('div', { class: 'lists' }, [
        el('div', null, [
          el('h3', null, 'History, oldest first'),
          el('ul', { class: 'history' }, ...earlier, ...session.history.map((title) => el('li', null, title))),
          el('h3', null, 'What came next'),
          el('p', { class: 'title' }, session.target),
          el('p', { class: 'ranks' }, `Original: ${place(session.rank_before)}. Compressed: ${place(session.rank_after)}.`),
        ]),
        topList('Original’s first ten', session.top_before, session.items_before, session.items_after, session.target_item),
        topList('Compressed model’s first ten', session.top_after, session.items_after, session.items_before, session.target_item),
      ]),
    );
    view.open = index < OPEN_SESSIONS;
    view.classList.add('session');
    return view;
  }

  function showSessions() {
    section('sessions', 'The sessions that changed most', [
      paragraph(`Of ${plural(evaluation.users, 'test user')}, those whose two lists have least in common, with what they chose next.`),
      ...report.sessions.map(sessionView),
    ]);
  }

  showHead();
  showMetrics();
  showBytes();
  showChoice();
  showHealing();
  showSpectra();
  showErrors();
  showSessions();
  drawAll();
})();
