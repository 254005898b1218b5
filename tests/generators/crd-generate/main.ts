// Objects of each kind, checked by the classes that crd-generate makes.
import { readFileSync } from "node:fs";
import { Account } from "./models/vobiz.ai/v1alpha1/Account";
import { ClusterAccount } from "./models/vobiz.ai/v1alpha1/ClusterAccount";
import { Subaccount } from "./models/vobiz.ai/v1alpha1/Subaccount";

const spec = { credentialsSecretRef: { name: "vobiz-credentials" } };
new Account({ metadata: { name: "vobiz" }, spec }).validate();
new ClusterAccount({ metadata: { name: "reseller" }, spec: { ...spec, allowedNamespaces: { names: ["team-a"] } } }).validate();
new Subaccount(JSON.parse(readFileSync("subaccount.json", "utf8"))).validate();
let refused = false;
try {
  new Subaccount({ metadata: { name: "acme" }, spec: {} as never }).validate();
} catch {
  refused = true;
}
if (!refused) throw new Error("a Subaccount without its Account is taken");
