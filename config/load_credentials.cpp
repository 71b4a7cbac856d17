#include <fmt/format.h>

#include "config/file.hpp"
#include "config/loading.hpp"

namespace linewatch::config {

namespace {

void read_private_key(Reader& reader, const Source& source, Credential& out) {
  if (auto file = read_named_file(reader, "private_key_file", source, largest_secret, out.private_key_file)) {
    const std::string shown = out.private_key_file.string();
    if (!file->text.starts_with("-----BEGIN ")) {
      reader.error("private_key_file",
                   fmt::format("{} is no private key (its first line must begin with -----BEGIN)", shown));
    } else {
      if (file->mode & readable_by_others) {
        reader.warning("private_key_file", fmt::format("{0} is readable by others (chmod 600 {0})", shown));
      }
      out.private_key = Secret(std::move(file->text));
    }
  }
  read_secret(reader, "private_key_passphrase", source, out.private_key_passphrase);
  if (out.private_key_passphrase && !reader.written("private_key_file")) {
    reader.error("private_key_passphrase", "there is no private_key_file that it could open");
  }
}

void read_lockout(Reader& around, Lockout& out) {
  Reader reader(around, "lockout", around.find("lockout"));
  reader.integer("rejections", out.rejections, 1, 1000);
  reader.word("scope", out.scope, {{"account", Lockout::Scope::account}, {"router", Lockout::Scope::router}});
  reader.duration("retry", out.retry, 1s, std::chrono::days{30});
  reader.finish();
}

Credential read_credential(Reader& reader, const Source& source, std::string name) {
  Credential out{.name = std::move(name)};
  reader.holds_secrets();
  if (reader.required("username", "write the account's name on the routers")) {
    read_line_of_text(reader, "username", out.username, 255);
  }
  read_secret(reader, "password", source, out.password);
  read_private_key(reader, source, out);
  reader.boolean("agent", out.agent);
  read_secret(reader, "enable_password", source, out.enable_password);
  read_lockout(reader, out.lockout);
  bool any = out.agent;
  for (const char* key :
       {"password", "password_file", "password_env", "password_credential", "private_key_file"}) {
    any = reader.written(key) || any;
  }
  if (!any && reader.ok())
    reader.error("no way to log in (write password_file, password_env or private_key_file)");
  reader.finish();
  return out;
}

}  // namespace

void load_credentials(Source& source, Loading& loading) {
  Reader all(source.root, "credentials", source.root.find("credentials"));
  if (!all.ok()) return;
  for (const YamlNode node : all.map()) {
    const std::string name(node.key());
    const auto [place, added] = loading.credential_places.try_emplace(name, node);
    if (!added) {
      // Within one file the document has said so already.
      if (&place->second.file() != &node.file()) {
        all.error(node.key(), fmt::format("duplicate name {} (first at {}:{})", in_quotes(name),
                                          place->second.file(), place->second.key_line()));
      }
      continue;
    }
    if (!is_one_line(name, 128)) all.error(node.key(), "a name must be one line of 1 to 128 octets");
    Reader reader(all, node.key(), node);
    loading.settings.credentials[name] = read_credential(reader, source, name);
  }
}

}  // namespace linewatch::config
