#!/usr/bin/env python3
"""Measures the accuracy of every policy on simulated and real recordings and prints them as Markdown tables.

Needs a built `halfslam` (cargo build --release) and nothing else. Real recordings are taken from HALFSLAM_DATA, else
../shared/data, where they are found. Simulated tours are kept in --work and made again only when missing.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
POLICIES = ["double", "single", "mixed", "half"]


def recordings(arguments, program):
    """Name and path of each recording, tours first."""
    for seed in range(1, arguments.seeds + 1):
        bag = arguments.work / f"tour_{arguments.duration}s_seed{seed}"
        if not bag.exists():
            subprocess.run(
                [program, "simulate", "--out", bag, "--seed", str(seed), "--duration", str(arguments.duration),
                 "--preset", "stereo"], check=True)
        yield f"simulated tour, seed {seed}", bag
    data = pathlib.Path(os.environ.get("HALFSLAM_DATA", ROOT / "../shared/data"))
    for name in ["kitti_seq1_stereo51", "7scenes_1000_rgbd"]:
        folder = data / "sequences" / name
        if folder.exists():
            yield name, folder
        else:
            print(f"(skipped: {folder} is missing)\n")


def replay(program, source, policy, out):
    subprocess.run([program, "replay", source, "--precision", policy, "--out", out], check=True,
                   stdout=subprocess.DEVNULL)
    return json.loads((out / "summary.json").read_text())


def row(name, policy, s):
    odometry, corrected = s.get("odometry", {}), s.get("corrected", {})
    drift = odometry.get("rpe_translation_percent")
    return (f"| {name} | {policy} | {s['tracked']}/{s['frames']} | {s['loops']} | "
            f"{odometry.get('ate_rmse_m', float('nan')):.4f} | "
            f"{'' if drift is None else format(drift, '.3f')} | "
            f"{corrected.get('ate_rmse_m', float('nan')):.4f} | {s['frame_ms']['median']:.1f} | "
            f"{s['frame_ms']['p99']:.1f} | {s['solve_ms']['median']:.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--duration", type=int, default=180, help="length of each tour (s)")
    parser.add_argument("--policies", nargs="+", default=POLICIES)
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "target" / "results")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    program = ROOT / "target" / "release" / "halfslam"

    print("| recording | policy | tracked | loops | odometry ATE (m) | drift (%) | corrected ATE (m) | "
          "frame median (ms) | p99 (ms) | solve median (ms) |")
    print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
    by_policy = {policy: [] for policy in arguments.policies}
    for name, source in recordings(arguments, program):
        for policy in arguments.policies:
            out = arguments.work / "out" / f"{source.name}_{policy}"
            out.parent.mkdir(exist_ok=True)
            summary = replay(program, source, policy, out)
            print(row(name, policy, summary), flush=True)
            if name.startswith("simulated") and "odometry" in summary:
                by_policy[policy].append((summary["odometry"]["ate_rmse_m"], summary["corrected"]["ate_rmse_m"]))
    print("\n| policy | median odometry ATE over the tours (m) | median corrected ATE (m) |\n|---|---|---|")
    for policy, errors in by_policy.items():
        if errors:
            odometry, corrected = (statistics.median(values) for values in zip(*errors))
            print(f"| {policy} | {odometry:.4f} | {corrected:.4f} |")


if __name__ == "__main__":
    main()
