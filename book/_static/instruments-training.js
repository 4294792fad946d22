// Instruments of Parts V and VI: estimates, errors on their way down, lines of a table, and methods
// within a budget.
(window.moreInstruments ??= []).push(({ range, choice, ticks, button, bar, sum, next }) => {
  // Two sequences of symbols, in the second of which a share of the first is repeated.
  const draw = (pairs, levels, copied) => {
    const shift = 32 - Math.log2(levels);
    let seed = 1;
    const symbol = () => {
      seed = next(seed);
      return seed >>> shift;
    };
    const left = new Uint8Array(pairs);
    const here = new Uint8Array(pairs);
    for (let i = 0; i < pairs; i += 1) {
      left[i] = symbol();
      const own = symbol();
      seed = next(seed);
      here[i] = seed < copied * 2 ** 32 ? left[i] : own;
    }
    return [left, here];
  };

  const shuffled = (symbols, turn) => {
    const order = symbols.slice();
    let seed = Math.imul(turn, 0x9e3779b9) >>> 0; // seeds of few bits would need a run-up
    for (let i = order.length - 1; i > 0; i -= 1) {
      seed = next(seed);
      const j = Math.floor((seed / 2 ** 32) * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  };

  // Mutual information of the observed frequencies, in bits.
  const plugIn = (left, here, levels) => {
    const bits = (counts) => sum([...counts].map((n) =>
      (n ? -(n / left.length) * Math.log2(n / left.length) : 0)));
    const joint = new Uint32Array(levels * levels);
    const one = new Uint32Array(levels);
    const other = new Uint32Array(levels);
    left.forEach((symbol, i) => {
      joint[levels * symbol + here[i]] += 1;
      one[symbol] += 1;
      other[here[i]] += 1;
    });
    return bits(one) + bits(other) - bits(joint);
  };

  const truth = (levels, copied) => {
    const other = (1 - copied) / levels ** 2;
    const same = copied / levels + other;
    const term = (times, p) => (p > 0 ? times * p * Math.log2(p) : 0);
    return 2 * Math.log2(levels) + term(levels, same) + term(levels * (levels - 1), other);
  };

  const signed = (value, digits = 2) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;

  return {
    bias: {
      controls: (data) => [
        choice("pairs", "pairs", data.pairs.map(String), "1000"),
        choice("levels", "levels", data.levels.map(String), "256"),
        range("copied", "second is a copy of the first", 0, 100, 0, 5),
        button("again", "shuffle again"),
      ],
      start: (values) => {
        values.turn = 1;
      },
      adjust: (values, data, changed) => {
        if (changed === "again") values.turn += 1;
      },
      read: ({ pairs, levels, copied, turn }) => {
        const [n, b] = [Number(pairs), Number(levels)];
        const [left, here] = draw(n, b, copied / 100);
        const found = plugIn(left, here, b);
        const control = plugIn(left, shuffled(here, turn), b);
        const exact = truth(b, copied / 100);
        const scale = Math.log2(b);
        const parts = (bits, kind) => [[Math.max(0, Math.min(bits, scale)) / scale, kind]];
        return {
          said: [
            ["found", "similarity found (bits)", found.toFixed(3)],
            ["shuffled", "found after shuffling, all of it bias (bits)", control.toFixed(3)],
            ["less", "found less shuffled (bits)", (found - control).toFixed(3)],
            ["truth", "truth (bits)", exact.toFixed(3)],
            ["formula", "bias by the formula (bits)", ((b - 1) ** 2 / (2 * n * Math.LN2)).toFixed(3)],
          ],
          drawn: [
            ...bar(parts(found, "first"), 4, "found"),
            ...bar(parts(control, "second"), 44, "shuffled"),
            ...bar(parts(exact, "third"), 84, "truth"),
            ["text", { x: 70, y: 132 }, `0 to ${scale} bits`],
          ],
          height: 140,
        };
      },
    },

    "error-depth": {
      controls: () => [
        choice("strategy", "strategy", ["WG", "WX", "GG", "GX"], "WX"),
        range("layers", "layers above", 1, 30, 13, 1, ""),
        range("gradients", "zeros among the gradients", 0, 95, 50, 5),
        range("activations", "zeros among the activations", 0, 95, 50, 5),
      ],
      read: ({ strategy, layers, gradients, activations }, data) => {
        // Squared length that two of four keep, if each entry is zero with a chance of z.
        const kept = (z) => {
          const chances = [1, 4, 6, 4, 1].map((ways, k) => ways * (1 - z) ** k * z ** (4 - k));
          return sum(chances.map((p, k) => p * data.largest[k])) / (4 * (1 - z));
        };
        const of = { W: kept(0), G: kept(gradients / 100), X: kept(activations / 100) };
        const arriving = (first, n) => of[first] ** (n / 2);
        const step = 550 / 31;
        const curve = (first, kind) => [...Array(31).keys()].map((n) => ["circle", {
          cx: 80 + step * n, cy: 8 + 90 * (1 - arriving(first, n)), r: n === layers && strategy[0] === first ? 9 : 4, class: kind,
        }]);
        return {
          said: [
            ["arriving", "cosine of the arriving gradient", arriving(strategy[0], layers).toFixed(2)],
            ["weight", "cosine of the weight gradient",
              (arriving(strategy[0], layers) * Math.sqrt(of[strategy[1]])).toFixed(2)],
            ["W", "length² kept of W (%)", (100 * of.W).toFixed(1)],
            ["G", "length² kept of G (%)", (100 * of.G).toFixed(1)],
            ["X", "length² kept of X (%)", (100 * of.X).toFixed(1)],
          ],
          drawn: [
            ...curve("W", "first"),
            ...curve("G", "second"),
            ["text", { x: 0, y: 14 }, "cos 1"],
            ["text", { x: 0, y: 102 }, "cos 0"],
            ["text", { x: 70, y: 126 }, "layers above, 0 to 30: blue W pruned, orange G pruned"],
          ],
          height: 132,
        };
      },
    },

    "table-5": {
      controls: (data) => [
        choice("data", "data", Object.keys(data.ours), "CIFAR-10, 16 pixels"),
        ticks("parts", "switched on", data.parts),
        choice("against", "compared with line", data.paper.map((_, i) => String(i + 1)), "1"),
      ],
      start: (values, data) => {
        values.parts = data.parts.map(() => true);
        values.before = [...values.parts];
      },
      // A part stands on those before it: Table 5 adds one at a time.
      adjust: (values) => {
        const at = values.parts.findIndex((on, i) => on !== values.before[i]);
        if (at >= 0) values.parts = values.parts.map((on, i) => (values.parts[at] ? i <= at || on : i < at && on));
        values.before = [...values.parts];
      },
      read: ({ data: name, parts, against }, data) => {
        const line = parts.filter(Boolean).length;
        const base = Number(against) - 1;
        const found = data.ours[name][line][base];
        const printed = (i) => data.paper[i] - data.paper[base];
        const x = (points) => 345 + 27.5 * Math.max(-10, Math.min(10, points));
        const drawn = [["line", { x1: x(0), x2: x(0), y1: 0, y2: 122, class: "dial" }]];
        data.paper.forEach((_, i) => {
          const y = 4 + 24 * i;
          const one = data.ours[name][i][base];
          drawn.push(["text", { x: 0, y: y + 15 }, `line ${i + 1}`]);
          drawn.push(["rect", { x: x(one.low), y: y + 2, width: Math.max(3, x(one.high) - x(one.low)), height: 16,
            class: i === line ? "first" : "rest" }]);
          drawn.push(["circle", { cx: x(printed(i)), cy: y + 10, r: 6, class: "second" }]);
        });
        drawn.push(["text", { x: 0, y: 142 }, "minus 10 to 10 points: our 95 % interval, the paper's number (dot)"]);
        const difference = line === base ? "the same line"
          : `${signed(found.mean)} (${signed(found.low)} to ${signed(found.high)})`;
        return {
          said: [
            ["line", "line of Table 5", String(line + 1)],
            ["accuracy", "our mean accuracy (%)", data.accuracy[name][line].toFixed(1)],
            ["ours", `ours, minus line ${against} (points, 95 % interval)`, difference],
            ["paper", `the paper's, minus line ${against} (points)`, signed(printed(line), 1)],
            ["seeds", "seeds", String(data.seeds[name])],
          ],
          drawn,
          height: 148,
        };
      },
    },

    "work-budget": {
      controls: (data) => [
        range("budget", "work at most, of the dense", 5, 100, 25),
        choice("of", "work of", ["training", "inference"], "training"),
        choice("count", "counted", data.counts, data.counts[0]),
        ticks("methods", "methods to choose from", data.methods),
      ],
      start: (values, data) => {
        values.methods = data.methods.map(() => true);
      },
      read: ({ budget, of, count, methods }, data) => {
        const cost = (point) => point.work[count][of === "training" ? 0 : 1];
        const chosen = data.points.filter((point) => methods[data.methods.indexOf(point.method)]);
        const fit = chosen.filter((point) => cost(point) <= budget);
        const best = fit.reduce((a, b) => (a && a.accuracy >= b.accuracy ? a : b), undefined);
        const near = fit.filter((point) => point !== best && point.accuracy >= best.accuracy - best.half);
        const dense = data.points.find((point) => point.method === "dense");
        const x = (work) => 70 + 5.5 * work;
        const least = Math.min(...data.points.map((point) => point.accuracy));
        const y = (accuracy) => 12 + (120 * (dense.accuracy - accuracy)) / (dense.accuracy - least);
        return {
          said: [
            ["best", "most accurate within it", best ? `${best.method} at ${best.sparsity} %` : "none"],
            ["accuracy", "its accuracy, 95 % interval (%)",
              best ? `${best.accuracy.toFixed(1)} ± ${best.half.toFixed(1)}` : "none"],
            ["near", "others in its interval",
              near.map((point) => `${point.method} at ${point.sparsity} %`).join(", ") || "none"],
            ["cost", `its ${of}, of the dense (%)`, best ? cost(best).toFixed(1) : "none"],
            ["dense", "dense training reaches (%)", `${dense.accuracy.toFixed(1)} ± ${dense.half.toFixed(1)}`],
            ["fit", "methods at a sparsity within it", `${fit.length} of ${chosen.length}`],
          ],
          drawn: [
            ["line", { x1: x(budget), x2: x(budget), y1: 0, y2: 140, class: "mark" }],
            ...[...chosen, dense].map((point) => ["circle", {
              cx: x(cost(point)), cy: y(point.accuracy), r: point === best ? 9 : 5,
              class: point === best ? "third" : fit.includes(point) ? "first" : "rest",
            }]),
            ["text", { x: 0, y: 17 }, dense.accuracy.toFixed(0)],
            ["text", { x: 0, y: 137 }, least.toFixed(0)],
            ["text", { x: 70, y: 162 }, "accuracy (%) over work, 0 to 100 % of the dense"],
          ],
          height: 168,
        };
      },
    },

    attention: {
      controls: (data) => [
        choice("tokens", "tokens", data.tokens.map(String), "196"),
        choice("width", "channels of a token", data.widths.map(String), "384"),
        range("sparsity", "sparsity", 0, 98, 90),
        ticks("sparse", "sparse layers", ["queries, keys, values, output", "up and down"]),
      ],
      start: (values) => {
        values.sparse = [true, true];
      },
      read: ({ tokens, width, sparsity, sparse }, data) => {
        // Multiplications for a token: a square of the width for each matrix of that size, and the
        // width for each token that it looks at, once for its query and once for the values.
        const square = Number(width) ** 2;
        const parts = [4 * square, 2 * data.wider * square, 2 * Number(tokens) * Number(width)];
        const whole = sum(parts);
        const at = (density) => parts.map((part, i) => (sparse[i] ? density * part : part));
        const left = at(1 - sparsity / 100);
        const least = sum(at(0));
        const kinds = ["first", "third", "rest"];
        const names = "attention's layers, feed-forward, tokens with tokens";
        return {
          said: [
            ["left", "left of a block's multiplications (%)", ((100 * sum(left)) / whole).toFixed(1)],
            ["tokens", "tokens with tokens, of the dense block (%)", ((100 * parts[2]) / whole).toFixed(1)],
            ["share", "tokens with tokens, of what is left (%)", ((100 * left[2]) / sum(left)).toFixed(1)],
            ["limit", "at most so many times less, at full sparsity", (whole / least).toFixed(1)],
          ],
          drawn: [
            ...bar(parts.map((part, i) => [part / whole, kinds[i]]), 4, "dense"),
            ...bar(left.map((part, i) => [part / whole, kinds[i]]), 44, "sparse"),
            ["text", { x: 70, y: 92 }, names],
          ],
          height: 100,
        };
      },
    },
  };
});
