#!/usr/bin/env python3
"""Measures the accuracy of every policy on simulated and real recordings and prints them as Markdown tables.

Needs a built `halfslam` (cargo build --release) and nothing else. Real recordings are taken from HALFSLAM_DATA, else
../shared/data, where they are found. Simulated tours are kept in --work and made again only when missing; a result there
is taken again if it is newer than the program, so that an interrupted run goes on where it was.
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
    """Name, path and options of each recording, tours first."""
    for seed in range(1, arguments.seeds + 1):
        bag = arguments.work / f"tour_{arguments.duration}s_seed{seed}"
        if not bag.exists():
            subprocess.run(
                [program, "simulate", "--out", bag, "--seed", str(seed), "--duration", str(arguments.duration),
                 "--preset", "stereo"], check=True)
        yield f"simulated tour, seed {seed}", bag, []
    data = pathlib.Path(os.environ.get("HALFSLAM_DATA", ROOT / "../shared/data"))
    # The page of 7-Scenes gives the depth camera's focal length only; config/camera/7scenes.yaml serves both cameras.
    for name, options in [("kitti_seq1_stereo51", []),
                          ("7scenes_1000_rgbd", ["--set", "source.camera_file=7scenes"])]:
        folder = data / "sequences" / name
        if folder.exists():
            yield name, folder, options
        else:
            print(f"(skipped: {folder} is missing)\n")


def replay(program, source, policy, options, out):
    summary = out / "summary.json"
    if not summary.exists() or summary.stat().st_mtime < program.stat().st_mtime:
        subprocess.run([program, "replay", source, "--precision", policy, "--out", out, *options], check=True,
                       stdout=subprocess.DEVNULL)
    return json.loads(summary.read_text())


def row(name, policy, s):
    odometry, corrected, edges = s.get("odometry", {}), s.get("corrected", {}), s.get("edges", {})
    drift = odometry.get("rpe_translation_percent")
    nees = f"{edges['odometry_nees']:.2g}, {edges['loop_nees']:.2g}" if edges else ""
    return (f"| {name} | {policy} | {s['tracked']}/{s['frames']} | {s['loops']} | {edges.get('false_loops', '')} | "
            f"{odometry.get('ate_rmse_m', float('nan')):.4f} | "
            f"{'' if drift is None else format(drift, '.3f')} | "
            f"{corrected.get('ate_rmse_m', float('nan')):.4f} | {nees} | {s['frame_ms']['median']:.1f} | "
            f"{s['map_ms']['median']:.1f} | {s['solve_ms']['median']:.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--duration", type=int, default=180, help="length of each tour (s)")
    parser.add_argument("--policies", nargs="+", default=POLICIES)
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "target" / "results")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    program = ROOT / "target" / "release" / "halfslam"

    print("| recording | policy | tracked | loops | false | odometry ATE (m) | drift (%) | corrected ATE (m) | "
          "NEES of steps, loops | frame (ms) | keyframe in the map (ms) | solve (ms) |")
    print("|---" * 12 + "|", flush=True)
    by_policy = {policy: [] for policy in arguments.policies}
    for name, source, options in recordings(arguments, program):
        for policy in arguments.policies:
            out = arguments.work / "out" / f"{source.name}_{policy}"
            out.parent.mkdir(exist_ok=True)
            summary = replay(program, source, policy, options, out)
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
