"""A system that answers privacy tasks itself. Needs: pip install "kafka-python[crc32c]" joserfc"""

import json
import os
from pathlib import Path

from joserfc import jwe
from joserfc.jwk import ECKey
from kafka import KafkaConsumer, KafkaProducer

FILE = Path("members.json")  # {"members": {"m-7": {…}}, "done": {}}
SEALED = ["ECDH-ES+A256KW", "A256GCM"]


def work(task, told):
    """Yours: an outcome, counts by category, and what an export shows. A task that was done is not done again."""
    data, ids = json.loads(FILE.read_text("utf-8")), [keys["member_id"] for keys in told["keys"]]
    mine = [data["members"].pop(one) for one in ids if one in data["members"]]
    if task["action"] == "export":
        return "not_found", {}, [("commercial", "member", mine)] if mine else []
    if task["task_id"] not in data["done"]:
        data["done"][task["task_id"]] = ["erased", {"commercial": len(mine)}] if mine else ["not_found", {}]
        FILE.write_text(json.dumps(data), "utf-8")
    return *data["done"][task["task_id"]], []


def answers(task, key):
    outcome, counts, found = work(task, json.loads(jwe.decrypt_compact(task["keys_jwe"], key, SEALED).plaintext))
    common = {name: task[name] for name in ("request_id", "task_id", "system", "part", "attempt", "reply_token")}
    for number, (category, table, rows) in enumerate(found):  # each at most 40 KiB of rows
        piece = json.dumps({"category": category, "table": table, "rows": rows}).encode()
        sealed = jwe.encrypt_compact({"alg": SEALED[0], "enc": SEALED[1]}, piece, ECKey.import_key(task["upload_jwk"]))
        yield "privacy.task-exports", {**common, "number": number, "of": len(found), "jwe": sealed}
    if not found:
        yield "privacy.task-results", {**common, "outcome": outcome, "counts": counts}


if __name__ == "__main__":
    system, login, key = os.environ["SYSTEM"], json.loads(os.environ["KAFKA"]), json.loads(os.environ["KEY"])
    how = {"group_id": f"{system}.privacy", "auto_offset_reset": "earliest", "enable_auto_commit": False}
    tasks, out = KafkaConsumer(f"privacy.tasks.{system}", **how, **login), KafkaProducer(**login)
    for record in tasks:
        for topic, answer in answers(json.loads(record.value), ECKey.import_key(key)):
            out.send(topic, key=record.key, value=json.dumps(answer).encode()).get(timeout=30)
        tasks.commit()
