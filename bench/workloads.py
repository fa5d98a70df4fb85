"""What is measured on an engine. Each workload leaves the engine as it found it."""

import concurrent.futures
import contextlib
import statistics
import struct
import time

LOG_LINES = 1_000_000
LOG_LINE_LENGTH = 100
LOG_SIZE = LOG_LINES * LOG_LINE_LENGTH


@contextlib.contextmanager
def containers(engine, image, count, command=("sleep", "86400")):
    """Made, not started; removed by force at the end."""
    made = []
    try:
        for _ in range(count):
            made.append(engine.create(image, list(command)))
        yield made
    finally:
        for container in made:
            # Podman's removal by force first asks sleep to end, which it never does, for ten seconds each.
            engine.ask("POST", f"/containers/{container}/kill", wanted=(204, 409, 500))
            engine.delete(f"/containers/{container}?force=1")


def run_true(engine, image, network, rounds):
    """Milliseconds of each create, start, wait and remove of /bin/true: of the wholes, and of the start calls alone."""
    whole, start_alone = [], []
    for number in range(rounds + 2):
        begin = time.perf_counter()
        container = engine.create(image, ["/bin/true"], network)
        before_start = time.perf_counter()
        engine.post(f"/containers/{container}/start")
        after_start = time.perf_counter()
        status = engine.post(f"/containers/{container}/wait").json()["StatusCode"]
        engine.delete(f"/containers/{container}")
        end = time.perf_counter()
        if status != 0:
            raise RuntimeError(f"{engine.name}: /bin/true ended with {status}")
        if number >= 2:  # the first ones warm caches up, everybody's
            whole.append((end - begin) * 1e3)
            start_alone.append((after_start - before_start) * 1e3)
    return whole, start_alone


def start_many(engine, image, count, concurrency):
    """Containers started a second, with `concurrency` requests under way at once."""
    with containers(engine, image, count) as made:
        clients = [engine.another() for _ in range(concurrency)]

        def start_share(index):
            for container in made[index::concurrency]:
                clients[index].post(f"/containers/{container}/start")

        begin = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(concurrency) as pool:
            list(pool.map(start_share, range(concurrency)))
        return count / (time.perf_counter() - begin)


def keep_many(engine, image, count, rounds=50):
    """KiB of engine memory a running container, and milliseconds (median) of listing them all."""
    time.sleep(1)
    idle = engine.memory()
    with containers(engine, image, count) as made:
        for container in made:
            engine.post(f"/containers/{container}/start")
        time.sleep(1)
        each = (engine.memory() - idle) / count
        times = []
        for _ in range(rounds):
            begin = time.perf_counter()
            answer = engine.ask("GET", "/containers/json")
            times.append((time.perf_counter() - begin) * 1e3)
            # Afterwards: Python takes longer to read it than some engines to write it.
            if (listed := len(answer.json())) < count:
                raise RuntimeError(f"{engine.name}: {listed} of {count} containers are listed")
    return {"kib_each": each, "list_ms": statistics.median(times)}


def log_throughput(engine, image, rounds=3):
    """Megabytes of container output a second (medians): written (start to the end of the container), and read back complete."""
    times = [log_times(engine, image) for _ in range(rounds)]
    written, read = (statistics.median(column) for column in zip(*times))
    return {"write_mb_s": LOG_SIZE / 1e6 / written, "read_mb_s": LOG_SIZE / 1e6 / read}


def log_times(engine, image):
    """Seconds until a container has written its log, and until that has been read."""
    container = engine.create(image, ["cat", "/lines"])
    try:
        begin = time.perf_counter()
        engine.post(f"/containers/{container}/start")
        engine.post(f"/containers/{container}/wait")
        written = time.perf_counter() - begin
        reader = engine.another().connection
        begin = time.perf_counter()
        reader.send_request("GET", f"/containers/{container}/logs?stdout=1&stderr=1", headers={"Connection": "close"})
        blocks = reader.until_closed()
        read = time.perf_counter() - begin
        # Afterwards: to look into chunks and a million frames takes longer than to receive them.
        got = payload_size(body_pieces(b"".join(blocks)))
        if got != LOG_SIZE:
            raise RuntimeError(f"{engine.name}: the log has {got} of {LOG_SIZE} bytes")
    finally:
        engine.delete(f"/containers/{container}?force=1")
    return written, read


def body_pieces(answer):
    """The body of a whole HTTP answer, in its chunks when it is chunked (RFC 9112, section 7.1)."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" not in head.lower():
        yield body
        return
    at = 0
    while size := int(body[at : (end := body.index(b"\r\n", at))].partition(b";")[0], 16):
        yield body[end + 2 : end + 2 + size]
        at = end + 2 + size + 2


def payload_size(pieces):
    """How many bytes of output a stream of frames carries (API: ContainerAttach, "Stream format")."""
    total, skip, head = 0, 0, b""
    for piece in pieces:
        at = 0
        while at < len(piece):
            if skip:
                step = min(skip, len(piece) - at)
                skip, at, total = skip - step, at + step, total + step
                continue
            need = 8 - len(head)
            head += piece[at : at + need]
            at += need
            if len(head) == 8:
                skip, head = struct.unpack(">4xI", head)[0], b""
    return total


def pull(engine, reference, megabytes, rounds=3):
    """Unpacked megabytes a second (median) of pulling an image that the engine does not have."""
    rates = []
    for _ in range(rounds):
        engine.ask("DELETE", f"/images/{reference}?force=1", wanted=(200, 404))
        begin = time.perf_counter()
        engine.pull(reference)
        rates.append(megabytes / (time.perf_counter() - begin))
    engine.delete(f"/images/{reference}?force=1")
    return statistics.median(rates)
