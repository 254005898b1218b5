// Reads a Subaccount as an API server gives it, with classes made by default and with those that keep unknown fields.
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.nio.file.Files;
import java.nio.file.Path;

public class Read {
  public static void main(String[] arguments) throws Exception {
    KubernetesSerialization reader = new KubernetesSerialization();
    String object = Files.readString(Path.of(arguments[0]));
    String authId = object.replaceAll("(?s).*\"authId\": \"(SA_\\w+)\".*", "$1");
    String newer = object.replace("\"authId\": \"SA_", "\"newField\": {\"a\": 1}, \"authId\": \"SA_");
    check(!newer.equals(object), "the object has no status.authId");

    strict.Subaccount byDefault = reader.unmarshal(object, strict.Subaccount.class);
    check(authId.equals(byDefault.getStatus().getAuthId()), "status.authId is not read");
    check(byDefault.getStatus().getConditions().get(0).getLastTransitionTime() != null, "no time is read");
    boolean refused = false;
    try {
      reader.unmarshal(newer, strict.Subaccount.class);
    } catch (IllegalArgumentException | io.fabric8.kubernetes.client.KubernetesClientException error) {
      refused = true;
    }
    System.out.println("a new field, classes by default: " + (refused ? "refused" : "read"));

    lenient.Subaccount kept = reader.unmarshal(newer, lenient.Subaccount.class);
    check(authId.equals(kept.getStatus().getAuthId()), "status.authId is not read");
    check(reader.asJson(kept).contains("newField"), "a new field is lost");
    new strict.Account();
    new strict.ClusterAccount();
  }

  private static void check(boolean holds, String trouble) {
    if (!holds) {
      throw new IllegalStateException(trouble);
    }
  }
}
