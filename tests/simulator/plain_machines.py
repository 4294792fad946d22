"""Slow, obvious versions of both machines: loops over single weights, nothing packed."""

import math
from itertools import product

import numpy as np

from swatlib.simulator import Cartesian, Layer, Masks, Tactical, Window
from swatlib.simulator.banks import bank_of
from swatlib.simulator.mapping import Convolution, fold_stride


def set_cycles(filters: list[np.ndarray], window: Window, policy: str = "least") -> int:
    """Cycles of filters in lockstep; each is boolean (time, lanes)."""
    filters = [f.copy() for f in filters]
    time, lanes = filters[0].shape
    if window.shape == "inf":
        return max(1, *(math.ceil(f.sum() / lanes) for f in filters))
    cycles = skipped = 0
    for t in range(time):
        if skipped < window.ahead and not any(f[t].any() for f in filters):
            skipped += 1
            continue
        skipped = 0
        cycles += 1
        for f in filters:
            if window.shape == "X":
                _pull(f, t, window.ahead)
            else:
                _promote(f, t, window.offsets(lanes, policy == "dnnsim"), policy)
    return max(1, cycles)


def _pull(f: np.ndarray, t: int, ahead: int) -> None:
    room = f.shape[1] - int(f[t].sum())
    for later in range(t + 1, min(t + ahead + 1, len(f))):
        for lane in range(f.shape[1]):
            if room and f[later, lane]:
                f[later, lane] = False
                room -= 1


def _promote(f: np.ndarray, t: int, offsets: list[tuple[int, int]], policy: str) -> None:
    lanes = f.shape[1]
    idle = [lane for lane in range(lanes) if not f[t, lane]]
    while True:
        candidates = {}
        for lane in idle:
            places = [(t + dt, (lane + dl) % lanes) for dt, dl in offsets if t + dt < len(f)]
            places = [place for place in places if f[place]]
            if places:
                candidates[lane] = places
        if not candidates:
            return
        sign = 1 if policy == "least" else -1  # DNNsim begins with the most, too
        lane = min(candidates, key=lambda k: (sign * len(candidates[k]), k))
        f[candidates[lane][0]] = False
        idle.remove(lane)


def tactical(conv: Convolution, machine: Tactical) -> tuple[int, int]:
    """Dense and sparse cycles."""
    if conv.mask.shape[2] == 3 and max(conv.stride) > 1:
        conv = fold_stride(conv, machine.policy == "dnnsim")
    groups, filters, channels, kh, kw = conv.mask.shape
    deep = math.ceil(channels / machine.lanes)
    sets = []
    for g in range(groups):
        laid = []
        for f in range(filters):
            rows = np.zeros((kh * kw * deep, machine.lanes), bool)
            for c, y, x in product(range(channels), range(kh), range(kw)):
                t = (y * kw + x) * deep + c // machine.lanes
                rows[t, c % machine.lanes] = conv.mask[g, f, c, y, x]
            laid.append(rows)
        if machine.sort:
            laid.sort(key=lambda rows: -int(rows.sum()))
        sets += [laid[i : i + machine.rows] for i in range(0, filters, machine.rows)]
    passes = math.ceil(conv.windows / machine.columns)
    cycles = dense = 0
    for i in range(0, len(sets), machine.tiles):
        side_by_side = sets[i : i + machine.tiles]
        cycles += max(set_cycles(s, machine.window, machine.policy) for s in side_by_side)
        dense += kh * kw * deep
    return dense * passes, cycles * passes


def cartesian(conv: Convolution, machine: Cartesian) -> tuple[int, int, int]:
    """Dense cycles, sparse cycles and products that land in an output."""
    groups, filters, channels, kh, kw = conv.mask.shape
    (sh, sw), (oh, ow), n = conv.stride, conv.out, machine.elements
    tall = math.ceil(((oh - 1) * sh + kh) / n)
    wide = math.ceil(((ow - 1) * sw + kw) / n)
    at_once = max(1, machine.accumulator // (math.ceil(oh / n) * math.ceil(ow / n)))
    dense = sparse = macs = 0
    for image, g, k0 in product(range(conv.batch), range(groups), range(0, filters, at_once)):
        ks = range(k0, min(k0 + at_once, filters))
        for c in range(channels):
            elements, dense_elements = [], []
            for ey, ex in product(range(n), range(n)):
                cycles = dense_cycles = 0
                for a, b in product(range(sh), range(sw)):
                    tile = [
                        (y, x)
                        for y in range(ey * tall, (ey + 1) * tall)
                        for x in range(ex * wide, (ex + 1) * wide)
                        if y % sh == a and x % sw == b
                    ]
                    acts = [p for p in tile if _there(conv, image, g * channels + c, *p)]
                    taps = [
                        (r, s, k) for r in range(a, kh, sh) for s in range(b, kw, sw) for k in ks
                    ]
                    weights = [(r, s, k) for r, s, k in taps if conv.mask[g, k, c, r, s]]
                    dense_cycles += math.ceil(len(tile) / 4) * math.ceil(len(taps) / 4)
                    for i, j in product(range(0, len(acts), 4), range(0, len(weights), 4)):
                        load = [0] * 32
                        for (y, x), (r, s, k) in product(acts[i : i + 4], weights[j : j + 4]):
                            ty, tx = (y - r) // sh, (x - s) // sw
                            if 0 <= ty < oh and 0 <= tx < ow:
                                load[bank_of(k, tx, ty)] += 1
                        macs += sum(load)
                        cycles += max(1, *load)
                elements.append(cycles)
                dense_elements.append(dense_cycles)
            sparse += max(elements)
            dense += max(dense_elements)
        edge = [
            (max(kh - 1 - conv.offset[0], 0), tall, max(conv.offset[0], 0)),
            (max(kw - 1 - conv.offset[1], 0), wide, max(conv.offset[1], 0)),
        ]
        regions = [edge[0][i] * edge[1][j] for i in range(3) for j in range(3) if (i, j) != (1, 1)]
        dense += max(regions) * len(ks)
        sparse += max(regions) * len(ks)
    return dense, sparse, macs


def _there(conv: Convolution, image: int, channel: int, y: int, x: int) -> bool:
    y, x = y - conv.offset[0], x - conv.offset[1]
    if not (0 <= y < conv.plane[0] and 0 <= x < conv.plane[1]):
        return False
    return conv.stream is None or bool(conv.stream[image, channel, y, x])


def dram(layer: Layer, product_: str, masks: Masks, machine: Tactical | Cartesian) -> list[int]:
    """Bits that are read and written, one value after the other."""
    whole = {"W": layer.weight_shape, "X": layer.input_shape, "Y": layer.output_shape}
    stays, streams, result = {"forward": "WXY", "input_grad": "WYX", "weight_grad": "XYW"}[product_]
    operands = (
        (masks.stationary(product_), whole[stays], machine.stationary_bits),
        (masks.stream(product_), whole[streams], machine.stream_bits),
    )
    read = 0
    for mask, shape, bits in operands:
        plain = compressed = 0
        for place in product(*map(range, shape)):
            plain += machine.value_bits
            if bits is not None and (mask is None or mask[place]):
                compressed += bits
        read += plain if bits is None else min(plain, compressed)
    written = sum(machine.value_bits for _ in product(*map(range, whole[result])))
    return [read, written]


def sram(conv: Convolution, machine: Tactical) -> tuple[int, int]:
    """Bits through the buffers of a `tcl` machine, and its multiplications, window by window."""
    laid = conv
    if conv.mask.shape[2] == 3 and max(conv.stride) > 1:
        laid = fold_stride(conv)
    groups, filters, channels, kh, kw = laid.mask.shape
    sets = groups * math.ceil(filters / machine.rows)
    bits = macs = 0
    for window in range(conv.windows):
        if window % machine.columns == 0:  # weights are read once for all columns
            plain = compressed = 0
            for there in conv.mask.ravel():
                plain += machine.value_bits
                compressed += machine.stationary_bits if there else 0
            bits += min(plain, compressed)
        for _ in range(0, sets, machine.tiles):  # all tiles hear one broadcast
            for _y, _x, _row in product(range(kh), range(kw), range(0, channels, machine.lanes)):
                bits += machine.lanes * machine.value_bits
        for g, f in product(range(groups), range(filters)):
            macs += int(laid.mask[g, f].sum())
            bits += 32
    return bits, macs
