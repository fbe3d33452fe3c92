"""Every answered request is in the ledger, whatever happened to the process."""

import concurrent.futures
import http.client
import threading

from conftest import config, places
from ledger import records, report

CLIENTS = 50


def test_every_attempt_leaves_a_record(own, double):
    dewpoint = own(config(places(double.url))).start()
    ids = {}
    for model in ("oai/plain", "ant/plain", "oll/plain", "oai/status-500", "oai/none"):
        ids[dewpoint.chat(model, headers={"x-request-id": f"id-{model}"}).headers["x-request-id"]] = model
    dewpoint.chat("oai/plain", headers={"x-request-id": "id-stream"}, stream=True)
    assert dewpoint.stop() == 0
    by_id = {r["request_id"]: r for r in records(dewpoint)}
    assert set(ids) | {"id-stream"} <= set(by_id)
    for request_id in ("id-oai/plain", "id-stream"):
        assert by_id[request_id]["outcome"] == "ok" and 17_000 in by_id[request_id].values(), "17,000 nano-dollars"
    assert by_id["id-oai/status-500"]["outcome"] == "failed"
    assert by_id["id-oai/none"]["outcome"] == "refused"


def test_the_report_adds_up(own, double):
    dewpoint = own(config(places(double.url))).start()
    for _ in range(3):
        assert dewpoint.chat("oai/plain").status == 200
    assert dewpoint.stop() == 0
    for by in ("place", "key", "task"):
        text = dewpoint.run("ledger", "--by", by)
        assert text.returncode == 0 and "0.000051" in text.stdout, text.stdout
    rows = report(dewpoint, "--by", "place", "--since", "1h")
    assert "oai" in str(rows) and "51000" in str(rows)
    assert "oai" not in str(report(dewpoint, "--since", "0s")["rows"])


def test_kill_during_fifty_requests_loses_nothing_that_was_answered(own, double):
    dewpoint = own(config(places(double.url))).start()
    answered, lock, stop = set(), threading.Lock(), threading.Event()

    def client(number):
        count = 0
        while not stop.is_set():
            count += 1
            try:
                # Every third is a stream: the record must be safe before the last bytes are out.
                reply = dewpoint.chat(
                    "oai/plain", headers={"x-request-id": f"c{number}-{count}"}, stream=count % 3 == 0
                )
            except (OSError, http.client.HTTPException):
                return  # An answer that was cut off by the kill counts as not answered.
            complete = reply.status == 200 and (b"[DONE]" in reply.body or b'"usage"' in reply.body)
            if complete:
                with lock:
                    answered.add(reply.headers["x-request-id"])
                    if len(answered) >= 500:
                        stop.set()

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(client, number) for number in range(CLIENTS)]
        stop.wait(timeout=60)
        stop.clear()  # They go on while the process is killed under them.
        dewpoint.kill()
        stop.set()
        for one in clients:
            one.result(timeout=60)
    assert len(answered) >= 500
    dewpoint.start()
    assert dewpoint.stop() == 0
    # A request may have had a second attempt; each attempt is there once.
    kept = [(r["request_id"], r["attempt"]) for r in records(dewpoint)]
    lost = answered - {request_id for request_id, _ in kept}
    assert not lost, f"{len(lost)} of {len(answered)} are lost"
    assert len(kept) == len(set(kept)), "an attempt was written twice"
