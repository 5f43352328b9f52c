"""What it costs to hand an array over in Python, whatever its size.

    python python/bench/handover.py

Prints microseconds of CPU time for each way, for 3-D parts of growing size: the best of
several rounds.
"""

import time

import numpy as np

import distarray as da


def best(call, *arguments, rounds=7, calls=2000):
    times = []
    for _ in range(rounds):
        begin = time.process_time()
        for _ in range(calls):
            call(*arguments)
        times.append((time.process_time() - begin) / calls)
    return 1e6 * min(times)


def block(size):
    half = size // 2
    return dict(dist_type="b", size=size, proc_grid_size=2, proc_grid_rank=1, start=half, stop=size)


def main():
    print(f"{'elements':>12}{'wrap':>9}{'by dict':>9}{'by struct':>11}{'to numpy':>10}{'dlpack':>8}")
    for n in (4, 40, 400):
        buffer = np.zeros((n, n, n), np.int8)
        dims = (block(2 * n),) * 3
        u = da.Array(buffer, dims)
        lent = u.__distarray__()
        wrap = best(da.Array, buffer, dims)
        by_dict = best(da.from_distarray, lent)
        by_struct = best(da.from_distarray, u)
        to_numpy, dlpack = best(np.asarray, u), best(np.from_dlpack, u)
        costs = f"{wrap:>9.1f}{by_dict:>9.1f}{by_struct:>11.1f}{to_numpy:>10.1f}{dlpack:>8.1f}"
        print(f"{buffer.size:>12}{costs}")


if __name__ == "__main__":
    main()
