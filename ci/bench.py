"""Times whole processes in pairs and prints medians and ratios. Called by ci/bench.sh."""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import time

BIN = os.environ["ALLCLEAR_BIN"]
RUNS = int(os.environ["BENCH_RUNS"])
ADDRESS = os.environ["BENCH_ADDRESS"]
WORK = os.environ["BENCH_WORK"]
HURL = shutil.which("hurl")


def once(command, expect):
    """Wall seconds, processor seconds and peak memory in MiB of one run; its exit code must be as expected."""
    start = time.perf_counter()
    child = subprocess.Popen(command, cwd=WORK, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != expect:
        sys.exit(f"exit {child.returncode}, expected {expect}: {' '.join(command)}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def pair(name, ours, theirs=None, expect=0, runs=RUNS):
    """Runs ours and theirs in turn; prints medians, and the median of the pairwise ratios: of the wall clock, and of the
    processor time of the two processes, which a busy machine changes less."""
    a, b = [], []
    for turn in range(runs + 1):
        mine = once(ours, expect)
        other = once(theirs, 0) if theirs else None
        if turn == 0:
            continue
        a.append(mine)
        if other is not None:
            b.append(other)
    wall, cpu, memory = (statistics.median(column) for column in zip(*a))
    line = f"{name:42} {wall * 1e3:9.1f} ms  cpu {cpu * 1e3:7.1f} ms  peak {memory:6.1f} MiB"
    if b:
        walls = [x[0] / y[0] for x, y in zip(a, b)]
        cpus = [x[1] / y[1] for x, y in zip(a, b) if y[1] > 0]
        line += f"   other {statistics.median(y[0] for y in b) * 1e3:9.1f} ms"
        line += f"   ratio {statistics.median(walls):5.2f} (min {min(walls):.2f}, max {max(walls):.2f})"
        line += f", cpu {statistics.median(cpus):5.2f}"
    print(line, flush=True)
    return wall


def suite(path, checks):
    with open(os.path.join(WORK, path), "w") as out:
        out.write(f"suite: {path.split('.')[0]}\ntargets: {{ api: {{ url: 'http://{ADDRESS}' }} }}\nchecks:\n")
        for i in range(checks):
            out.write(f"  - name: call {i}\n    http: {{ get: /health, expect: {{ status: 200, json: {{ $.status: healthy }} }} }}\n")
    return path


def hurl(path, entries):
    with open(os.path.join(WORK, path), "w") as out:
        for _ in range(entries):
            out.write(f"GET http://{ADDRESS}/health\nHTTP 200\n[Asserts]\njsonpath \"$.status\" == \"healthy\"\n\n")
    return path


def run(path):
    return [BIN, "run", path, "--quiet"]


def one():
    theirs = [HURL, "--test", hurl("one.hurl", 1)] if HURL else None
    pair("one check, whole process", run(suite("one.suite.yaml", 1)), theirs, runs=max(RUNS, 30))


def thousand():
    ours = run(suite("thousand.suite.yaml", 1000))
    pair("1,000 checks; other: 1,000 entries", ours, [HURL, "--test", hurl("thousand.hurl", 1000)] if HURL else None)
    if HURL:
        folder = os.path.join(WORK, "files")
        os.makedirs(folder, exist_ok=True)
        for i in range(1000):
            hurl(f"files/{i:04}.hurl", 1)
        pair("1,000 checks; other: --jobs 16, 1,000 files", ours, [HURL, "--test", "--jobs", "16", folder])


def tenthousand():
    small = pair("1,000 checks", run(suite("k1.suite.yaml", 1000)), runs=max(5, RUNS // 2))
    large = pair("10,000 checks", run(suite("k10.suite.yaml", 10_000)), runs=max(5, RUNS // 2))
    print(f"{'time per check, 10,000 against 1,000':42} ratio {large / 10 / small:5.2f}")
    pair("lint of 10,000 checks", [BIN, "lint", "k10.suite.yaml"], runs=max(5, RUNS // 2))


def waiting():
    """200 checks that each wait until a clock of their own has run out; the longest chain is 3 in a row."""
    with open(os.path.join(WORK, "waiting.suite.yaml"), "w") as out:
        out.write(f"suite: waiting\ntargets: {{ api: {{ url: 'http://{ADDRESS}' }} }}\nchecks:\n")
        for i in range(200):
            out.write(f"  - name: holds {i}\n    consistently: 2s\n    http: {{ get: /health, expect: {{ status: 200 }} }}\n")
        for i in range(3):
            needs = f"    needs: chain {i - 1}\n" if i else ""
            out.write(f"  - name: chain {i}\n{needs}    consistently: 1s\n    http: {{ get: /health, expect: {{ status: 200 }} }}\n")
    took = pair("203 waiting checks, longest chain 3 s", run("waiting.suite.yaml"), runs=5)
    print(f"{'over the longest chain':42} {(took - 3) * 1e3:9.1f} ms ({(took / 3 - 1) * 100:.1f} %)")


def relay():
    """Bytes through the relay, what it adds to a round trip, how soon cuts and mends are in force: the example measures itself."""
    subprocess.run([os.path.join(os.path.dirname(BIN), "examples", "relay_figures")], check=True)


def faults():
    """The shipped suites that break, mend and stop what they start, with every fault, against the embedded service."""
    suites = [os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "suites", f"{name}.suite.yaml") for name in ["health", "ready", "lifecycle"]]
    pair("health, ready, lifecycle with every fault", [BIN, "run", *suites, "--quiet", "-e", "local"], runs=2)


def sse():
    """Events a second, memory of a waiting stream, our own delay: the example measures itself."""
    subprocess.run([os.path.join(os.path.dirname(BIN), "examples", "sse_figures")], check=True)


def upload():
    """Bodies that are generated: the example measures rate, memory and refusals; then a whole check of all sizes and framings at 1 MiB."""
    subprocess.run([os.path.join(os.path.dirname(BIN), "examples", "upload_figures")], check=True)
    with open(os.path.join(WORK, "sizes.env.yaml"), "w") as out:
        out.write(f"environment: sizes\nallows: load\nhosts: [127.0.0.1]\ntargets: {{ api: {{ url: 'http://{ADDRESS}' }} }}\n")
    framings = "framings: [content-length, chunked, tiny-chunks, expect-continue, gzip]"
    ids = 'id: $.id, stored: { get: "/api/v1/uploads/${id}", sha256: $.sha256 }, remove: { delete: "/api/v1/uploads/${id}" }'
    everything = "    promises: [size/early, size/answer-arrives, size/in-sync, size/unharmed]\n"
    for name, promises, more in [
        ("sizes", "", ""),
        ("clauses", everything, ", find: true, trace: { get: /api/v1/uploads, at: $.count }, next: { get: /health }"),
    ]:
        with open(os.path.join(WORK, f"{name}.suite.yaml"), "w") as out:
            out.write(f"suite: {name}\nchecks:\n  - name: uploads stop at 1 MiB\n{promises}")
            out.write(f"    size-limit: {{ post: /api/v1/uploads, limit: 1MiB, {framings}, {ids}{more} }}\n")
        title = "size check at 1 MiB, all sizes and framings" if name == "sizes" else "the same with every clause"
        pair(title, [BIN, "run", f"{name}.suite.yaml", "--quiet", "--env", "sizes.env.yaml"])
def release():
    """Time between the first and the last release of a salvo: the example measures itself."""
    subprocess.run([os.path.join(os.path.dirname(BIN), "examples", "release_figures")], check=True)


def size():
    print(f"{'shipping binary (dist, stripped)':42} {os.path.getsize(BIN) / 2**20:9.1f} MiB")


FIGURES = {
    "one": one,
    "thousand": thousand,
    "tenthousand": tenthousand,
    "waiting": waiting,
    "relay": relay,
    "faults": faults,
    "sse": sse,
    "upload": upload,
    "release": release,
    "size": size,
    "build": lambda: None,
}

if __name__ == "__main__":
    if not HURL:
        print("hurl is not installed: no comparison")
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    for name in sys.argv[1:]:
        FIGURES[name]()
