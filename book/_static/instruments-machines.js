// Instruments of Part IV: what a method leaves to do, and what a machine makes of it.
(window.moreInstruments ??= []).push(({ range, choice, ticks, button, bar, ticked, sum, next }) => {
  const LANES = 4;

  // What each cycle multiplies of one filter, as [row, lane, the lane that does it].
  const film = (cells, { ahead, places }) => {
    const rows = cells.length / LANES;
    const waiting = cells.map(Boolean);
    const lanes = [...Array(LANES).keys()];
    const cycles = [];
    let skipped = [];
    for (let row = 0; row < rows; row += 1) {
      const own = lanes.filter((lane) => waiting[LANES * row + lane]);
      if (!own.length && skipped.length < ahead) {
        skipped.push(row);
        continue;
      }
      const done = own.map((lane) => [row, lane, lane]);
      const idle = new Set(lanes.filter((lane) => !own.includes(lane)));
      const take = (from, lane, by) => {
        waiting[LANES * from + lane] = false;
        idle.delete(by);
        done.push([from, lane, by]);
      };
      own.forEach((lane) => {
        waiting[LANES * row + lane] = false;
      });
      for (;;) {
        // The lane with the fewest candidates chooses first, the leftmost on a tie.
        const choices = [...idle].map((lane) => [lane, places
          .map(([later, aside]) => [row + later, (lane + aside) % LANES])
          .filter(([from, other]) => from < rows && waiting[LANES * from + other])])
          .filter(([, seen]) => seen.length);
        if (!choices.length) break;
        const [lane, [[from, other]]] = choices.reduce((a, b) => (b[1].length < a[1].length ? b : a));
        take(from, other, lane);
      }
      cycles.push({ row, skipped, done });
      skipped = [];
    }
    return cycles;
  };

  const told = (cycles, at, nonzero) => {
    if (!at) return `before the first cycle, ${nonzero} weights wait`;
    const { row, skipped, done } = cycles[at - 1];
    const passed = skipped.length ? ` (row ${skipped.join(", ")} was empty and is passed over)` : "";
    const early = done.filter(([from]) => from !== row)
      .map(([from, lane, by]) => ` Lane ${by} takes row ${from}, lane ${lane}.`);
    return `${at} of ${cycles.length}: row ${row} is read${passed}; ${done.length} of ${LANES} lanes work.`
      + early.join("");
  };

  return {
    "lane-packing": {
      controls: (data) => [
        choice("window", "window", Object.keys(data.windows), "look-ahead 1, look-aside 1"),
        range("cycle", "cycle shown", 0, data.mask.length, 0, 1, ""),
        button("step", "next cycle"),
        button("again", "back to the start"),
        button("drawn", "another mask"),
        button("clear", "no weights"),
      ],
      start: (values, data) => {
        values.cells = data.mask.flat();
        values.seed = 1;
      },
      adjust: (values, data, changed) => {
        if (changed === "drawn") {
          values.cells = values.cells.map(() => {
            values.seed = next(values.seed);
            return values.seed % 3 === 0 ? 1 : 0;
          });
        }
        if (changed === "clear") values.cells.fill(0);
        if (changed === "step") values.cycle += 1;
        else if (changed !== "cycle" && changed !== "window") values.cycle = 0;
        const most = film(values.cells, data.windows[values.window]).length;
        values.cycle = Math.min(values.cycle, most);
      },
      // A weight comes or goes where a cell is pressed.
      press: (values, index) => {
        values.cells[index] = 1 - values.cells[index];
        values.cycle = 0;
      },
      read: ({ window, cycle, cells }, data) => {
        const cycles = film(cells, data.windows[window]);
        const rows = cells.length / LANES;
        const nonzero = sum(cells);
        const taken = Math.max(1, cycles.length);
        const state = new Map();
        cycles.slice(0, cycle).forEach(({ done }, index) => done.forEach(([row, lane, by]) =>
          state.set(LANES * row + lane, index === cycle - 1 ? by : "done")));
        const read = cycle ? cycles[cycle - 1].row : -1;
        return {
          said: [
            ["now", "cycle", told(cycles, cycle, nonzero)],
            ["cycles", "cycles with this window", String(taken)],
            ["speedup", `speed-up over ${rows} cycles`, (rows / taken).toFixed(2)],
            ["least", "no window needs fewer cycles than", String(Math.max(1, Math.ceil(nonzero / LANES)))],
          ],
          cells: cells.map((weight, index) => {
            const row = Math.floor(index / LANES);
            const now = state.get(index);
            const masks = [
              !weight ? "zero" : now === undefined ? "waiting" : now === "done" ? "done" : "now",
              row === read && "read",
            ].filter(Boolean);
            const text = !weight ? "" : now === undefined ? "●" : now === "done" ? "✓" : now;
            const spoken = !weight ? "zero" : now === undefined ? "a weight that waits"
              : now === "done" ? "done" : `multiplied now by lane ${now}`;
            return [text, masks, `row ${row}, lane ${index % LANES}: ${spoken}`];
          }),
        };
      },
    },

    "table-row": {
      controls: (data) => [
        choice("network", "network", Object.keys(data.networks), "ResNet-50"),
        choice("method", "method", [...Object.keys(data.methods), "your own"], "SAW"),
        ticks("operands", "sparse operands", data.operands),
        ...["weights", "activations", "gradients"].map((one) =>
          range(one, `sparsity of ${one}`, 0, 98, 80)),
      ],
      adjust: ticked,
      read: ({ network, operands, weights, activations, gradients }, data) => {
        const { products, first } = data.networks[network];
        const of = { W: weights, X: activations, G: gradients };
        const kept = data.operands.map((heading, i) =>
          (operands[i] ? 1 - of[heading[heading.length - 1]] / 100 : 1));
        const density = [0, 2, 4].map((one) => kept[one] * kept[one + 1]);
        const whole = sum(products);
        const left = products.map((all, i) => first[i] + (all - first[i]) * density[i]);
        const names = ["forward", "input gradient", "weight gradient"];
        const kinds = ["first", "second", "third"];
        return {
          said: [
            ["row", "row of Table 1", names.map((one, i) => `${one} ${density[i] < 1 ? "yes" : "no"}`).join(", ")],
            ["total", "left of a training step (%)", ((100 * sum(left)) / whole).toFixed(1)],
            ...names.map((one, i) =>
              [`product${i}`, `left of the ${one} (%)`, ((100 * left[i]) / products[i]).toFixed(1)]),
          ],
          drawn: [
            ...bar(products.map((all, i) => [all / whole, kinds[i]]), 4, "dense"),
            ...bar(left.map((one, i) => [one / whole, kinds[i]]), 44, "here"),
            ["text", { x: 70, y: 92 }, names.join(", ")],
          ],
          height: 100,
        };
      },
    },

    "table-6": {
      controls: (data) => [
        choice("machine", "machine", Object.keys(data.machines), "T<2,5>"),
        choice("dense", "compared with", data.baselines, data.baselines[0]),
        choice("sparsity", "sparsity", Object.keys(data.printed), "90 %"),
        range("band", "band around the print", 1, 60, 10),
      ],
      read: ({ machine, dense, sparsity, band }, data) => {
        const found = data.machines[machine][dense];
        const off = (s, i) => 100 * (found[s][i] / data.printed[s][i] - 1);
        const cells = Object.keys(data.printed).flatMap((s) => data.passes.map((_, i) => off(s, i)));
        const inside = cells.filter((one) => Math.abs(one) <= band).length;
        const x = (speed) => 70 + 70 * speed;
        const drawn = data.passes.flatMap((pass, i) => {
          const printed = data.printed[sparsity][i];
          const y = 6 + 40 * i;
          const near = Math.abs(off(sparsity, i)) <= band;
          return [
            ["text", { x: 0, y: y + 20 }, pass],
            ["rect", { x: x(printed * (1 - band / 100)), y, width: (140 * printed * band) / 100, height: 30, class: "rest" }],
            ["line", { x1: x(printed), x2: x(printed), y1: y, y2: y + 30, class: "mark" }],
            ["circle", { cx: x(found[sparsity][i]), cy: y + 15, r: 9, class: near ? "third" : "first" }],
          ];
        });
        for (let speed = 0; speed <= 8; speed += 1) drawn.push(["text", { x: x(speed), y: 106 }, `${speed}`]);
        return {
          said: [
            ...data.passes.flatMap((pass, i) => [
              [`ours${i}`, `${pass} (times)`, `${found[sparsity][i].toFixed(2)}`],
              [`off${i}`, `against the printed ${data.printed[sparsity][i]} (%)`, `${off(sparsity, i).toFixed(0)}`],
            ]),
            ["inside", "cells of Table 6 inside the band", `${inside} of ${cells.length}`],
          ],
          drawn,
          height: 112,
        };
      },
    },

    memory: {
      controls: (data) => [
        choice("sparsity", "sparsity", Object.keys(data.steps), "90 %"),
        range("channels", "DDR4 channels", 1, 32, 1, 1, ""),
        range("width", "vector unit, elements a cycle", 16, 1024, 256, 16, ""),
        ticks("counted", "counted", ["waiting for memory", "batch normalisation and ReLU"]),
      ],
      start: (values) => {
        values.counted = [true, false];
      },
      read: ({ sparsity, channels, width, counted }, data) => {
        const [waits, others] = counted;
        const rest = others ? data.passes / width * data.elements : 0;
        // No product of a layer is faster than its traffic.
        const floor = (bits) => (waits ? Math.ceil(bits / 8 / (channels * data.bandwidth)) : 0);
        const time = (kind) => {
          const cells = data.steps[sparsity][kind];
          const computing = sum(cells.map(([cycles]) => cycles));
          const all = sum(cells.map(([cycles, bits]) => Math.max(cycles, floor(bits))));
          return { computing, waiting: all - computing, total: all + rest };
        };
        const [dense, sparse] = [time("dense"), time("sparse")];
        const parts = ({ computing, waiting }) =>
          [[computing, "first"], [waiting, "second"], [rest, "rest"]].map(([part, kind]) => [part / dense.total, kind]);
        return {
          said: [
            ["speedup", "speed-up of a step", (dense.total / sparse.total).toFixed(2)],
            ["free", "if nothing but the products took time", (dense.computing / sparse.computing).toFixed(2)],
            ["waiting", "of the sparse step waits for memory (%)", ((100 * sparse.waiting) / sparse.total).toFixed(1)],
            ["rest", "of it is normalisation (%)", ((100 * rest) / sparse.total).toFixed(1)],
          ],
          drawn: [
            ...bar(parts(dense), 4, "dense"),
            ...bar(parts(sparse), 44, "sparse"),
            ["text", { x: 70, y: 92 }, "computing, waiting for memory, normalisation"],
          ],
          height: 100,
        };
      },
    },
  };
});
