// `linewatch reload`, and what `linewatch check --diff` asks: the running agent reads its configuration and
// says what changes.

#include <cstdio>

#include "agent/commands.hpp"
#include "agent/control/client.hpp"

namespace linewatch::agent {

namespace {

void print_texts(const Json& answer, const char* key, std::FILE* out) {
  const Json texts = answer.value(key, Json::array());
  for (const Json& text : texts) {
    if (text.is_string()) std::fprintf(out, "%s\n", text.get_ref<const std::string&>().c_str());
  }
}

}  // namespace

int ask_for_changes(const Options& options, const char* command) {
  const auto socket = control_socket_of(options);
  if (!socket) return exit_bad_configuration;
  auto agent = ControlClient::connect(*socket);
  if (!agent) return complain(agent.error().text);
  Json request;
  request["command"] = command;
  request["file"] = std::filesystem::absolute(options.config_file).string();
  agent->send(request);
  while (true) {
    const auto answer = agent->next();
    if (!answer) {
      const bool wrong = agent->refusal() == "bad_configuration" || agent->refusal() == "other_file";
      return complain(answer.error(), wrong ? exit_bad_configuration : exit_not_done);
    }
    print_texts(*answer, "problems", stderr);
    print_texts(*answer, "changes", stdout);
    if (answer->contains("summary")) {
      std::printf("%s\n", answer->value("summary", "").c_str());
      return exit_ok;
    }
  }
}

int run_reload(const Options& options) {
  return ask_for_changes(options, "reload");
}

}  // namespace linewatch::agent
