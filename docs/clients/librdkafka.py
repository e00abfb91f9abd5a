"""Answer privacy requests with confluent-kafka, that is: with librdkafka, 2.6.1 or later.

Needs: pip install confluent-kafka joserfc
Run:   BOOTSTRAP=… CLIENT=… PASSWORD=… [KEY=private.jwk.json] [CA=ca.pem] python librdkafka.py
"""

import json
import os

from confluent_kafka import Consumer, KafkaException, Producer
from joserfc import jwe
from joserfc.jwk import ECKey

CLIENT = os.environ["CLIENT"]
LOGIN = {
    "bootstrap.servers": os.environ["BOOTSTRAP"],
    "security.protocol": "SASL_SSL" if "CA" in os.environ else "SASL_PLAINTEXT",
    "sasl.mechanism": "SCRAM-SHA-256",
    "sasl.username": CLIENT,
    "sasl.password": os.environ["PASSWORD"],
    **({"ssl.ca.location": os.environ["CA"]} if "CA" in os.environ else {}),
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


def send(producer, key, answer):
    """Send one reply; return when the broker has it."""
    failed = []
    producer.produce(
        "privacy.client-replies",
        key=key,
        value=json.dumps(answer),
        on_delivery=lambda error, _: failed.append(error) if error else None,
    )
    if producer.flush(30) or failed:
        raise RuntimeError(f"the reply was not stored: {failed}")


def main():
    key = private_key()
    consumer = Consumer(
        {**LOGIN, "group.id": f"{CLIENT}.privacy", "auto.offset.reset": "earliest", "enable.auto.commit": False}
    )
    consumer.subscribe([f"privacy.clients.{CLIENT}.requests"])
    producer = Producer(LOGIN)
    while True:
        record = consumer.poll(1.0)
        if record is None:
            continue
        if record.error():
            raise KafkaException(record.error())
        message = read(record.value(), key)
        if message["type"] == "request":
            print(message["handover_id"], message["right"], "answer by", message["complete_by"])
            send(producer, record.key(), reply(message, "received"))
            # your own work: find the person by `points`, do what `right` asks, and say how it ended
            send(producer, record.key(), reply(message, "completed"))
        elif message["type"] == "reply-error":
            print(message["handover_id"], message["field"], message["rule"])
        consumer.commit(record, asynchronous=False)


if __name__ == "__main__":
    main()
