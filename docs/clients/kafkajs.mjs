// Answer privacy requests with kafkajs, on Node 18 or later.
//
// Needs: npm install kafkajs jose
// Run:   BOOTSTRAP=… CLIENT=… PASSWORD=… [KEY=private.jwk.json] [CA=ca.pem] node kafkajs.mjs

import { readFileSync } from "node:fs";

import { compactDecrypt, importJWK } from "jose";
import { Kafka, logLevel } from "kafkajs";

const { BOOTSTRAP, CLIENT, PASSWORD, KEY, CA } = process.env;

const kafka = new Kafka({
  brokers: BOOTSTRAP.split(","),
  clientId: CLIENT,
  ssl: CA ? { ca: [readFileSync(CA, "utf8")] } : false,
  sasl: { mechanism: "scram-sha-256", username: CLIENT, password: PASSWORD },
  logLevel: logLevel.ERROR,
});
const key = KEY ? await importJWK(JSON.parse(readFileSync(KEY, "utf8")), "ECDH-ES+A256KW") : null;

/** Read a record's value; what is sealed to our key is opened. */
async function read(value) {
  const message = JSON.parse(value);
  if (message.type !== "sealed") return message;
  const { plaintext } = await compactDecrypt(message.jose, key);
  return JSON.parse(new TextDecoder().decode(plaintext));
}

/** A reply: three fields of the message it answers, its own type, and more. */
function reply({ client, handover_id, reply_token }, type, more = {}) {
  return { client, handover_id, reply_token, type, ...more };
}

const producer = kafka.producer();
const consumer = kafka.consumer({ groupId: `${CLIENT}.privacy` });
await producer.connect();
await consumer.connect();
await consumer.subscribe({ topic: `privacy.clients.${CLIENT}.requests`, fromBeginning: true });
await consumer.run({
  eachMessage: async ({ message: record }) => {
    const message = await read(record.value.toString());
    if (message.type === "request") {
      console.log(message.handover_id, message.right, "answer by", message.complete_by);
      // your own work: find the person by `points`, do what `right` asks, and say how it ended
      const answers = [reply(message, "received"), reply(message, "completed")];
      await producer.send({
        topic: "privacy.client-replies",
        acks: -1,
        messages: answers.map((answer) => ({ key: record.key, value: JSON.stringify(answer) })),
      });
    } else if (message.type === "reply-error") {
      console.log(message.handover_id, message.field, message.rule);
    }
  },
});
