// One object of each kind, written with the classes that cdk8s makes.
import { App, Chart, Yaml } from "cdk8s";
import {
  Account,
  ClusterAccount,
  Subaccount,
  SubaccountSpecAccountRefKind,
  SubaccountSpecDeletionPolicy,
} from "./imports/vobiz.ai";

const app = new App();
const chart = new Chart(app, "telephony", { namespace: "team-a" });
const account = new Account(chart, "vobiz", {
  spec: { credentialsSecretRef: { name: "vobiz-credentials" }, rateLimit: { requestsPerSecond: 5 } },
});
new ClusterAccount(chart, "reseller", {
  spec: { credentialsSecretRef: { name: "reseller" }, allowedNamespaces: { names: ["team-a"] } },
});
new Subaccount(chart, "acme", {
  spec: {
    accountRef: { kind: SubaccountSpecAccountRefKind.ACCOUNT, name: account.name },
    deletion: { policy: SubaccountSpecDeletionPolicy.RETAIN },
    secretRef: { labels: { team: "telephony" } },
  },
});
const made = Yaml.stringify(...chart.toJson());
for (const text of ["kind: Account\n", "kind: ClusterAccount\n", "kind: Subaccount\n", "policy: Retain\n"]) {
  if (!made.includes(text)) throw new Error(`it lacks ${text}: ${made}`);
}
