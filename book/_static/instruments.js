// Instruments: what a formula gives for the reader's own values. A page has each as a table, which
// stands for itself without a script; with one it is folded below the controls. Those of Parts IV to
// VI lie in files of their own, beside this one.
(() => {
  // The standard normal distribution.
  const density = (t) => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI);

  // P(x > t), by the series of all positive terms for what lies between 0 and t.
  const upper = (t) => {
    let term = t;
    let sum = t;
    for (let k = 3; term > 1e-17 * sum; k += 2) {
      term *= (t * t) / k;
      sum += term;
    }
    return 0.5 - density(t) * sum;
  };

  // The t with P(x > t) = tail, for a tail of at most one half.
  const quantile = (tail) => {
    let [low, high] = [0, 6];
    for (let step = 0; step < 60; step += 1) {
      const middle = (low + high) / 2;
      [low, high] = upper(middle) > tail ? [middle, high] : [low, middle];
    }
    return low;
  };

  // Share of the energy that Top-K keeps of a long vector.
  const gaussian = (s) => {
    const tail = (1 - s) / 2;
    const t = quantile(tail);
    return 2 * (t * density(t) + tail);
  };
  const ENERGY = {
    Gaussian: gaussian,
    uniform: (s) => 1 - s ** 3,
    Laplace: (s) => {
      const t = -Math.log(1 - s);
      return ((1 - s) * (t * t + 2 * t + 2)) / 2;
    },
    "Gaussian after a ReLU": (s) => (s <= 0.5 ? 1 : gaussian(2 * s - 1)),
    "random mask": (s) => 1 - s,
  };

  const range = (name, label, min, max, value, step = 1, unit = " %") =>
    ({ name, label, kind: "range", min, max, value, step, unit });
  const choice = (name, label, options, value) => ({ name, label, kind: "choice", options, value });
  const ticks = (name, label, options) => ({ name, label, kind: "ticks", options });
  const button = (name, label) => ({ name, label, kind: "button" });
  const sum = (parts) => parts.reduce((a, b) => a + b, 0);

  // The next of a sequence of whole numbers below 2^32 that look random (Marsaglia 2003, xorshift).
  const next = (seed) => {
    let x = seed;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };

  const bar = (parts, y, label) => {
    let x = 70;
    const shapes = [["text", { x: 0, y: y + 20 }, label]];
    for (const [share, kind] of parts) {
      shapes.push(["rect", { x, y, width: 550 * share, height: 28, class: kind }]);
      x += 550 * share;
    }
    return shapes;
  };

  // A method ticks its operands; ticking something else makes it the reader's own.
  const ticked = (values, data, changed) => {
    if (changed === "operands") {
      const row = JSON.stringify(values.operands);
      const same = Object.keys(data.methods).find((m) => JSON.stringify(data.methods[m]) === row);
      values.method = same ?? "your own";
    } else if (values.method !== "your own") {
      values.operands = [...data.methods[values.method]];
    }
  };

  const INSTRUMENTS = {
    "six-operands": {
      controls: (data) => [
        choice("method", "method", [...Object.keys(data.methods), "your own"], "SWAT"),
        ticks("operands", "sparse operands", data.operands),
        range("sparsity", "sparsity", 0, 98, 80),
        range("other", "time outside the products", 0, 60, 10),
      ],
      adjust: ticked,
      read: ({ operands, sparsity, other }) => {
        const left = [0, 2, 4].map((first) =>
          [first, first + 1].reduce((d, i) => d * (operands[i] ? 1 - sparsity / 100 : 1), 1));
        const still = [0, 2, 4].filter((first) => !operands[first] && !operands[first + 1]).length;
        const rest = other / 100;
        const time = rest + ((1 - rest) / 3) * sum(left);
        const limit = rest + ((1 - rest) * still) / 3;
        const shares = left.map((d) => ((1 - rest) / 3) * d);
        const kinds = ["first", "second", "third"];
        const whole = [1, 1, 1].map((d, i) => [((1 - rest) / 3) * d, kinds[i]]);
        return {
          said: [
            ["speedup", "speed-up", (1 / time).toFixed(2)],
            ["limit", "its limit at full sparsity", limit > 0 ? (1 / limit).toFixed(2) : "none"],
            ["work", "work left of the products (%)", ((100 * (left[0] + left[1] + left[2])) / 3).toFixed(1)],
          ],
          drawn: [
            ...bar([...whole, [rest, "rest"]], 4, "dense"),
            ...bar([...shares.map((s, i) => [s, kinds[i]]), [rest, "rest"]], 44, "sparse"),
            ["text", { x: 70, y: 92 }, "forward, input gradient, weight gradient, the rest"],
          ],
          height: 100,
        };
      },
    },

    threshold: {
      controls: () => [
        range("sparsity", "sparsity", 50, 99, 90),
        choice("sample", "entries in the sample", ["100", "1000", "10000", "100000"], "1000"),
      ],
      read: ({ sparsity, sample }) => {
        const d = 1 - sparsity / 100;
        const t = quantile(d / 2);
        const error = 100 * Math.sqrt((d * (1 - d)) / Number(sample));
        const drawn = [];
        for (let i = 0; i < 61; i += 1) {
          const x = (i - 30) / 10;
          const height = 200 * density(x);
          drawn.push(["rect", {
            x: 10 * i + 5, y: 90 - height, width: 9, height, class: Math.abs(x) >= t ? "first" : "rest",
          }]);
        }
        for (const side of [-1, 1]) {
          const x = 310 + 100 * side * t;
          drawn.push(["line", { x1: x, x2: x, y1: 0, y2: 92, class: "mark" }]);
        }
        return {
          said: [
            ["threshold", "threshold (standard deviations)", t.toFixed(3)],
            ["kept", "entries kept (%)", (100 * d).toFixed(0)],
            ["error", "standard error of that share (points)", error.toFixed(2)],
          ],
          drawn,
          height: 95,
        };
      },
    },

    angle: {
      controls: () => [
        range("sparsity", "sparsity", 0, 99, 70),
        choice("shape", "entries", Object.keys(ENERGY), "Gaussian"),
      ],
      read: ({ sparsity, shape }) => {
        const energy = Math.min(1, ENERGY[shape](sparsity / 100));
        const angle = Math.acos(Math.sqrt(energy));
        const [x, y] = [260 * Math.cos(angle), 260 * Math.sin(angle)];
        const along = Math.cos(angle);
        return {
          said: [
            ["angle", "angle (degrees)", ((angle * 180) / Math.PI).toFixed(1)],
            ["energy", "energy kept (%)", (100 * energy).toFixed(1)],
            ["length", "length kept (%)", (100 * Math.sqrt(energy)).toFixed(1)],
          ],
          drawn: [
            ["path", { d: "M 380 275 A 260 260 0 0 0 120 15", class: "dial" }],
            ["line", { x1: 120, y1: 275, x2: 120 + x, y2: 275 - y, class: "mark" }],
            ["line", { x1: 120, y1: 275, x2: 120 + 260 * along, y2: 275, class: "kept" }],
            ["text", { x: 400, y: 270 }, "kept"],
            ["text", { x: 130 + x, y: 275 - y }, "whole"],
          ],
          height: 285,
        };
      },
    },

    "gradient-length": {
      controls: () => [
        range("sparsity", "sparsity of the forward weights", 0, 98, 90),
        range("layers", "layers above", 1, 30, 7, 1, ""),
      ],
      read: ({ sparsity, layers }) => {
        const factor = 1 / Math.sqrt(gaussian(sparsity / 100));
        const drawn = [];
        for (let i = 0; i <= layers; i += 1) {
          const height = Math.max(2, (90 * i * Math.log(factor)) / (30 * Math.log(2.6)));
          drawn.push(["rect", { x: 20 * i, y: 92 - height, width: 16, height, class: "first" }]);
        }
        return {
          said: [
            ["factor", "longer by each layer", `${factor.toFixed(3)} times`],
            ["total", "longer in all", `${(factor ** layers).toFixed(1)} times`],
          ],
          drawn,
          height: 95,
        };
      },
    },

    block: {
      controls: () => [button("again", "another block")],
      start: (values) => {
        values.cells = [5, 1, 7, 2, 3, 8, 4, 6, 9, 2, 1, 7, 4, 6, 3, 5];
        values.seed = 1;
      },
      adjust: (values, data, changed) => {
        if (changed !== "again") return;
        values.cells = values.cells.map(() => {
          values.seed = (values.seed * 1103515245 + 12345) % 2147483648;
          return 1 + (Math.floor(values.seed / 65536) % 9);
        });
      },
      // Each cell counts up when it is pressed.
      press: (values, index) => {
        values.cells[index] = (values.cells[index] % 9) + 1;
      },
      read: ({ cells }) => {
        const two = (places) => {
          const kept = places.map((p, i) => [cells[p], -i, p]).sort((a, b) => b[0] - a[0] || b[1] - a[1]);
          return kept.slice(0, 2).map((k) => k[2]);
        };
        const lines = [0, 1, 2, 3];
        const rows = new Set(lines.flatMap((r) => two(lines.map((c) => 4 * r + c))));
        const columns = new Set(lines.flatMap((c) => two(lines.map((r) => 4 * r + c))));
        const pairs = [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]];
        let best = { kept: -1 };
        for (let code = 0; code < 1296; code += 1) {
          const pattern = lines.flatMap((r) => pairs[Math.floor(code / 6 ** r) % 6].map((c) => 4 * r + c));
          if (lines.some((c) => pattern.filter((p) => p % 4 === c).length !== 2)) continue;
          const kept = sum(pattern.map((p) => cells[p]));
          if (kept > best.kept) best = { kept, pattern: new Set(pattern) };
        }
        const total = sum(cells);
        const share = (mask) => ((100 * [...mask].reduce((s, p) => s + cells[p], 0)) / total).toFixed(1);
        const agree = cells.filter((_, p) => rows.has(p) === columns.has(p)).length;
        return {
          said: [
            ["rows", "kept by 2:4 along rows (%)", share(rows)],
            ["columns", "kept by 2:4 along columns (%)", share(columns)],
            ["both", "kept by the best mask that is both (%)", share(best.pattern)],
            ["agree", "entries on which rows and columns agree", `${agree} of 16`],
          ],
          cells: cells.map((value, p) => {
            const masks = [
              rows.has(p) && "rows", columns.has(p) && "columns", best.pattern.has(p) && "both",
            ].filter(Boolean);
            const place = `row ${Math.floor(p / 4) + 1}, column ${(p % 4) + 1}`;
            return [value, masks, `${value}, ${place}, kept by ${masks.join(", ") || "none"}`];
          }),
        };
      },
    },

    restoration: {
      controls: () => [range("cosine", "cosine between paired columns", 0, 100, 30, 1, " / 100")],
      read: ({ cosine }) => {
        const c = cosine / 100;
        const [without, restored] = [Math.sqrt(0.5), Math.sqrt(1 - c)];
        return {
          said: [
            ["without", "error without restoration", without.toFixed(2)],
            ["restored", "error with restoration", restored.toFixed(2)],
            ["helps", "the shift helps", c > 0.5 ? "yes" : c < 0.5 ? "no" : "neither helps nor harms"],
          ],
          drawn: [
            ...bar([[without, "rest"]], 4, "without"),
            ...bar([[restored, restored > without ? "second" : "third"]], 44, "restored"),
          ],
          height: 76,
        };
      },
    },

    "step-share": {
      controls: () => [
        range("share", "products' share of a dense step", 10, 100, 90),
        range("ratio", "products run faster by", 1, 5, 2, 0.1, " times"),
        range("overhead", "overhead", 0, 20, 0, 0.1),
      ],
      read: ({ share, ratio, overhead }) => {
        const p = share / 100;
        const parts = [[p / ratio, "first"], [1 - p, "rest"], [overhead / 100, "second"]];
        const time = parts.reduce((sum, part) => sum + part[0], 0);
        return {
          said: [
            ["speedup", "speed-up of a step", (1 / time).toFixed(2)],
            ["limit", "its limit at this share", p < 1 ? (1 / (1 - p + overhead / 100)).toFixed(2) : "none"],
          ],
          drawn: [
            ...bar([[p, "first"], [1 - p, "rest"]], 4, "dense"),
            ...bar(parts, 44, "sparse"),
            ["text", { x: 70, y: 92 }, "products, the rest, overhead"],
          ],
          height: 100,
        };
      },
    },

    convention: {
      controls: (data) => [
        choice("network", "network", Object.keys(data.networks), "ResNet-50"),
        ticks("counted", "counted as well", data.switches),
        range("sparsity", "sparsity", 0, 95, 80, 5),
      ],
      start: (values) => {
        values.counted = [true, true];
      },
      read: ({ network, counted, sparsity }, data) => {
        const { products, first } = data.networks[network][counted.map(Number).join("")];
        const s = sparsity / 100;
        const saved = (all, kept) => (100 * s * (all - kept)) / all;
        return {
          said: [
            ["training", "training saves (%)", saved(sum(products), sum(first)).toFixed(1)],
            ["inference", "inference saves (%)", saved(products[0], first[0]).toFixed(1)],
            ["dense", "of the count is the dense first layer (%)", ((100 * sum(first)) / sum(products)).toFixed(1)],
          ],
        };
      },
    },

    granularity: {
      controls: () => [
        range("sparsity", "sparsity asked for", 0, 99, 90),
        choice("kernel", "kernel", ["1x1", "3x3", "5x5"], "3x3"),
        range("channels", "input channels", 1, 256, 64, 1, ""),
      ],
      read: ({ sparsity, kernel, channels }) => {
        const area = Number(kernel[0]) ** 2;
        const kept = (n) => Math.ceil((n * (100 - sparsity)) / 100);
        const share = (n) => (100 * kept(n)) / n;
        const drawn = [];
        for (let i = 0; i < area; i += 1) {
          const side = Number(kernel[0]);
          drawn.push(["rect", {
            x: 70 + 24 * (i % side), y: 4 + 24 * Math.floor(i / side), width: 20, height: 20,
            class: i < kept(area) ? "first" : "rest",
          }]);
        }
        drawn.push(["text", { x: 210, y: 20 }, `of the ${area} places of a kernel, HW grants ${kept(area)}`]);
        return {
          said: [
            ["hw", "kept by HW (%)", share(area).toFixed(1)],
            ["chw", "kept by CHW (%)", share(area * channels).toFixed(1)],
            ["asked", "asked for (%)", String(100 - sparsity)],
          ],
          drawn,
          height: 128,
        };
      },
    },

    layers: {
      controls: (data) => [
        choice("network", "network", Object.keys(data.networks), "ResNet-50"),
        range("sparsity", "sparsity of all weights", 0, 98, 90),
      ],
      read: ({ network, sparsity }, data) => {
        const { shapes, work } = data.networks[network];
        const sizes = shapes.map((shape) => shape.reduce((a, b) => a * b, 1));
        const sides = shapes.map(sum);
        const asked = 1 - sparsity / 100;
        // Layers that would be more than full become full, until none would.
        const full = new Set();
        let scale = 0;
        for (let more = true; more;) {
          const open = sizes.map((_, i) => i).filter((i) => !full.has(i));
          if (!open.length) break;
          const rest = asked * sum(sizes) - sum([...full].map((i) => sizes[i]));
          scale = rest / sum(open.map((i) => sides[i]));
          const over = open.filter((i) => (scale * sides[i]) / sizes[i] > 1);
          over.forEach((i) => full.add(i));
          more = over.length > 0;
        }
        const spread = sizes.map((size, i) => (full.has(i) ? 1 : (scale * sides[i]) / size));
        const even = sizes.map((_, i) => (i ? asked : 1));
        const left = (densities, of) => sum(densities.map((d, i) => d * of[i])) / sum(of);
        const width = 550 / sizes.length;
        const drawn = spread.map((d, i) => ["rect", {
          x: 70 + width * i, y: 4 + 90 * (1 - d), width: 0.8 * width, height: Math.max(1, 90 * d),
          class: d === 1 ? "second" : "first",
        }]);
        drawn.push(["text", { x: 0, y: 92 }, "density"]);
        drawn.push(["text", { x: 70, y: 112 }, "layers from the input to the classifier"]);
        return {
          said: [
            ["first", "kept in the first layer (%)", (100 * spread[0]).toFixed(1)],
            ["sparsest", "in the sparsest layer (%)", (100 * Math.min(...spread)).toFixed(1)],
            ["work", "multiplications left (%)", (100 * left(spread, work)).toFixed(1)],
            ["times", "work over uniform", `${(left(spread, work) / left(even, work)).toFixed(2)} times`],
          ],
          drawn,
          height: 118,
        };
      },
    },

    "unused-channels": {
      controls: () => [
        range("sparsity", "slices that each filter drops", 0, 98, 70),
        range("filters", "filters", 1, 256, 64, 1, ""),
        range("channels", "input channels", 1, 256, 64, 1, ""),
      ],
      read: ({ sparsity, filters, channels }) => {
        const unused = (sparsity / 100) ** filters;
        return {
          said: [
            ["unused", "chance that no filter reads a channel (%)", (100 * unused).toPrecision(3)],
            ["expected", "such channels, expected", (channels * unused).toPrecision(3)],
            ["input", "such channels if whole inputs are dropped",
              String(channels - Math.ceil((channels * (100 - sparsity)) / 100))],
          ],
          drawn: [
            ...bar([[unused, "rest"], [1 - unused, "first"]], 4, "per filter"),
            ...bar([[sparsity / 100, "rest"], [1 - sparsity / 100, "first"]], 44, "per input"),
            ["text", { x: 70, y: 92 }, "read by no filter, read by some"],
          ],
          height: 100,
        };
      },
    },

    "weights-per-output": {
      controls: () => [
        range("sparsity", "sparsity", 50, 99, 98),
        range("inputs", "inputs", 8, 512, 128, 8, ""),
        range("outputs", "classes", 2, 100, 10, 1, ""),
      ],
      read: ({ sparsity, inputs, outputs }) => {
        const total = inputs * outputs;
        const kept = Math.ceil((total * (100 - sparsity)) / 100);
        // Drawn without replacement: none of the kept weights is one of the output's inputs.
        let none = 1;
        for (let i = 0; i < inputs; i += 1) none *= Math.max(0, total - kept - i) / (total - i);
        return {
          said: [
            ["each", "weights left for a class", (kept / outputs).toFixed(1)],
            ["none", "chance that a class has none (%)", (100 * none).toPrecision(3)],
            ["expected", "classes without, expected", (outputs * none).toPrecision(3)],
          ],
        };
      },
    },

    seeds: {
      controls: () => [
        range("spread", "standard deviation over seeds", 0.1, 10, 8.6, 0.1, " points"),
        range("seeds", "number of seeds", 2, 60, 5, 1, ""),
        range("margin", "difference to be seen", 0.1, 5, 0.2, 0.1, " points"),
      ],
      read: ({ spread, seeds, margin }, data) => {
        // Student's t from the table; beyond it from its expansion about the normal quantile.
        const t = (freedom) => {
          if (freedom <= data.t.length) return data.t[freedom - 1];
          const z = quantile(0.025);
          return z + (z ** 3 + z) / (4 * freedom)
            + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2);
        };
        const half = (n) => (t(n - 1) * spread) / Math.sqrt(n);
        let [low, high] = [1, 2];
        while (half(high) > margin) [low, high] = [high, 2 * high];
        while (high - low > 1) {
          const middle = Math.floor((low + high) / 2);
          [low, high] = half(middle) > margin ? [middle, high] : [low, middle];
        }
        const reach = Math.min(1, half(seeds) / 20);
        return {
          said: [
            ["half", "95 % interval of the mean (points)", half(seeds).toFixed(2)],
            ["needed", "seeds until it is no wider than the difference", String(high)],
          ],
          drawn: [
            ["rect", { x: 345 - 275 * reach, y: 10, width: 550 * reach, height: 20, class: "first" }],
            ["line", { x1: 345, x2: 345, y1: 2, y2: 38, class: "mark" }],
            ["text", { x: 70, y: 62 }, "the interval about the mean, 20 points to each side"],
          ],
          height: 70,
        };
      },
    },

    boxes: {
      controls: () => [
        range("size", "size of the object", 2, 32, 8, 1, " pixels"),
        range("right", "found too far right", 0, 16, 1, 1, " pixels"),
        range("down", "found too far down", 0, 16, 0, 1, " pixels"),
      ],
      read: ({ size, right, down }) => {
        const shared = Math.max(0, size - right) * Math.max(0, size - down);
        const found = shared / (2 * size * size - shared);
        let reached = 0;
        for (let i = 0; i < 10; i += 1) if (100 * found >= 50 + 5 * i) reached += 1;
        const box = (x, y, kind) =>
          ["rect", { x: 70 + 4 * x, y: 4 + 4 * y, width: 4 * size, height: 4 * size, class: kind, opacity: 0.6 }];
        return {
          said: [
            ["iou", "intersection over union", found.toFixed(2)],
            ["reached", "thresholds reached, of COCO's ten", String(reached)],
            ["half", "counts as found at 0.5", found >= 0.5 ? "yes" : "no"],
          ],
          drawn: [box(0, 0, "first"), box(right, down, "second")],
          height: 200,
        };
      },
    },

    "link-bytes": {
      controls: () => [
        range("sparsity", "sparsity of the activations", 0, 99, 90),
        ticks("built", "built", ["compressed copy for the convolution", "ReLU keeps bits"]),
      ],
      start: (values) => {
        values.built = [true, true];
      },
      read: ({ sparsity, built }) => {
        const d = 1 - sparsity / 100;
        const [copy, signs] = built;
        const values = copy ? 4 * d : 0;
        const places = copy ? 1 / 8 : 0;
        // Without a copy the convolution keeps the ReLU's output itself.
        const output = copy && signs ? 0 : 4;
        const bits = signs ? 1 / 8 : 0;
        const parts = [[4, "rest"], [output, "first"], [values, "second"], [places + bits, "third"]];
        const total = 4 + output + values + places + bits;
        return {
          said: [
            ["bytes", "bytes per entry", total.toFixed(2)],
            ["share", "of dense training (%)", ((100 * total) / 8).toFixed(0)],
          ],
          drawn: [
            ...bar([[8 / 13, "rest"]], 4, "dense"),
            ...bar(parts.map(([size, kind]) => [size / 13, kind]), 44, "here"),
            ["text", { x: 70, y: 92 }, "batch norm, ReLU's output, kept values, bits"],
          ],
          height: 100,
        };
      },
    },
  };

  const make = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  };

  const SVG = "http://www.w3.org/2000/svg";
  const draw = (svg, shapes, height) => {
    svg.setAttribute("viewBox", `0 0 640 ${height}`);
    svg.replaceChildren(...shapes.map(([kind, attributes, text]) => {
      const node = document.createElementNS(SVG, kind);
      for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
      if (text) node.textContent = text;
      return node;
    }));
  };

  // Returns a control's element and how it takes what the values say.
  const CONTROLS = {
    range: (control, values, changed) => {
      const input = make("input", { type: "range", min: control.min, max: control.max, step: control.step });
      const shown = make("span", { class: "instrument-value" });
      input.addEventListener("input", () => {
        values[control.name] = Number(input.value);
        changed(control.name);
      });
      const take = () => {
        input.value = values[control.name];
        shown.textContent = `${values[control.name]}${control.unit}`;
        input.setAttribute("aria-valuetext", shown.textContent);
      };
      return [make("label", {}, make("span", {}, control.label), input, shown), take];
    },
    choice: (control, values, changed) => {
      const select = make("select");
      for (const option of control.options) select.add(new Option(option));
      select.addEventListener("input", () => {
        values[control.name] = select.value;
        changed(control.name);
      });
      const take = () => {
        select.value = values[control.name];
      };
      return [make("label", {}, make("span", {}, control.label), select), take];
    },
    ticks: (control, values, changed) => {
      const boxes = control.options.map(() => make("input", { type: "checkbox" }));
      boxes.forEach((box, index) => box.addEventListener("input", () => {
        values[control.name][index] = box.checked;
        changed(control.name);
      }));
      const take = () => boxes.forEach((box, index) => {
        box.checked = values[control.name][index];
      });
      const labels = boxes.map((box, i) => make("label", { class: "tick" }, box, control.options[i]));
      return [make("fieldset", {}, make("legend", {}, control.label), ...labels), take];
    },
    button: (control, values, changed) => {
      const pressed = make("button", { type: "button" }, control.label);
      pressed.addEventListener("click", () => changed(control.name));
      return [pressed, () => {}];
    },
  };

  const enhance = (box) => {
    const instrument = INSTRUMENTS[box.dataset.instrument];
    const data = JSON.parse(box.dataset.values || "{}");
    const values = {};
    const controls = instrument.controls(data);
    for (const control of controls) {
      values[control.name] = control.kind === "ticks" ? control.options.map(() => false) : control.value;
    }
    instrument.start?.(values, data);

    const form = make("form", { class: "instrument-controls" });
    const grid = make("div", { class: "instrument-cells" });
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("aria-hidden", "true");
    const said = make("div", { role: "status", class: "instrument-said" });
    const takes = [];

    const show = () => {
      takes.forEach((take) => take());
      const found = instrument.read(values, data);
      if (found.drawn) draw(svg, found.drawn, found.height);
      grid.querySelectorAll("button").forEach((cell, index) => {
        const [value, masks, spoken] = found.cells[index];
        cell.textContent = value;
        cell.dataset.masks = masks.join(" ");
        cell.setAttribute("aria-label", spoken);
      });
      said.replaceChildren(...found.said.map(([name, label, text]) =>
        make("div", {}, `${label}: `, make("strong", { "data-name": name }, text))));
    };
    const changed = (name) => {
      instrument.adjust?.(values, data, name);
      show();
    };
    for (const control of controls) {
      const [element, take] = CONTROLS[control.kind](control, values, changed);
      form.append(element);
      takes.push(take);
    }
    if (instrument.press) {
      for (let index = 0; index < values.cells.length; index += 1) {
        const cell = make("button", { type: "button" });
        cell.addEventListener("click", () => {
          instrument.press(values, index);
          show();
        });
        grid.append(cell);
      }
    }
    form.addEventListener("submit", (event) => event.preventDefault());
    instrument.adjust?.(values, data, "");
    show();
    const live = make("div", { class: "instrument-live" }, form);
    if (instrument.press) live.append(grid);
    if (svg.childNodes.length) live.append(svg);
    live.append(said);
    const table = box.querySelector("details");
    table.before(live);
    table.open = false;
  };

  document.addEventListener("DOMContentLoaded", () => {
    const tools = { range, choice, ticks, button, bar, ticked, sum, next };
    for (const made of window.moreInstruments ?? []) Object.assign(INSTRUMENTS, made(tools));
    document.querySelectorAll("[data-instrument]").forEach(enhance);
  });
})();
