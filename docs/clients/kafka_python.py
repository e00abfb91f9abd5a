"""Answer privacy requests with kafka-python.

Needs: pip install "kafka-python[crc32c]" joserfc
Run:   BOOTSTRAP=… CLIENT=… PASSWORD=… [KEY=private.jwk.json] [CA=ca.pem] python kafka_python.py
"""

import json
import os

from joserfc import jwe
from joserfc.jwk import ECKey
from kafka import KafkaConsumer, KafkaProducer

CLIENT = os.environ["CLIENT"]
LOGIN = {
    "bootstrap_servers": os.environ["BOOTSTRAP"],
    "security_protocol": "SASL_SSL" if "CA" in os.environ else "SASL_PLAINTEXT",
    "ssl_cafile": os.environ.get("CA"),
    "sasl_mechanism": "SCRAM-SHA-256",
    "sasl_plain_username": CLIENT,
    "sasl_plain_password": os.environ["PASSWORD"],
}


def private_key():
    """The private half of the key we registered, if we did."""
    if "KEY" not in os.environ:
        return None
    with open(os.environ["KEY"], encoding="utf-8") as file:
        return ECKey.import_key(json.load(file))


def read(value, key):
    """Read a record's value; what is sealed to our key is opened."""
    message = json.loads(value)
    if message["type"] == "sealed":
        opened = jwe.decrypt_compact(message["jose"], key, algorithms=["ECDH-ES+A256KW", "A256GCM"])
        message = json.loads(opened.plaintext)
    return message


def reply(message, kind, **more):
    """A reply: three fields of the message it answers, its own type, and more."""
    common = {name: message[name] for name in ("client", "handover_id", "reply_token")}
    return {**common, "type": kind, **more}


def decide(message):
    """Your own work: find the person by `points`, do what `right` asks, and say how it ended."""
    print(message["handover_id"], message["right"], "answer by", message["complete_by"])
    return reply(message, "completed")


def main():
    key = private_key()
    consumer = KafkaConsumer(
        f"privacy.clients.{CLIENT}.requests",
        group_id=f"{CLIENT}.privacy",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        **LOGIN,
    )
    producer = KafkaProducer(**LOGIN)
    for record in consumer:
        message = read(record.value, key)
        if message["type"] == "request":
            for answer in (reply(message, "received"), decide(message)):
                sent = producer.send("privacy.client-replies", key=record.key, value=json.dumps(answer).encode())
                sent.get(timeout=30)
        elif message["type"] == "reply-error":
            print(message["handover_id"], message["field"], message["rule"])
        consumer.commit()


if __name__ == "__main__":
    main()
