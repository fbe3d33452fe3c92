#!/usr/bin/env python3
"""Checks a Dewpoint audit trail without Dewpoint: every hash, every link, and that the chain holds what its heads say.

    audit-verify.py FOLDER [HEAD.json …]     heads that were kept elsewhere may be named

Signatures of heads need Ed25519, which Python's own library has not: they are checked where the package `cryptography` is there.
"""
import hashlib, json, pathlib, sys

def heads_of(path):
    for line in path.read_bytes().splitlines():
        signed, _, _ = line.rpartition(b',"sig":"')
        head = json.loads(line)
        try:
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(head["key"])).verify(bytes.fromhex(head["sig"]), signed)
        except ImportError:
            print("signatures not checked: no package `cryptography`", file=sys.stderr)
        yield head

folder = pathlib.Path(sys.argv[1])
heads = [h for f in [folder / "heads.ndjson", *map(pathlib.Path, sys.argv[2:])] for h in heads_of(f)]
wanted = {}
for head in heads:
    wanted.setdefault(head["seq"], set()).add(head["hash"])
prev, seq = "0" * 64, 0
for segment in sorted(folder.glob("0*.ndjson")):
    for number, line in enumerate(segment.read_bytes().splitlines(keepends=True), 1):
        hashed, _, tail = line.rpartition(b',"hash":"')
        record, at = json.loads(line), f"{segment.name}, line {number}"
        if seq == 0 and record["seq"] > 1 and wanted.get(record["seq"] - 1):  # older segments were deleted
            prev, seq = min(wanted[record["seq"] - 1]), record["seq"] - 1
        assert tail.endswith(b'"}\n') and hashlib.sha256(hashed).hexdigest() == record["hash"], f"{at}: changed"
        assert record["prev"] == prev and record["seq"] == seq + 1, f"{at}: does not follow from record {seq}"
        prev, seq = record["hash"], record["seq"]
        assert wanted.pop(seq, {prev}) == {prev}, f"{at}: a signed head has another record {seq}"
missing = [s for s in wanted if s > seq]
assert not missing, f"the chain ends at record {seq}, and heads have signed {missing}"
print(f"{seq} records, {len(heads)} heads: the chain is whole")
