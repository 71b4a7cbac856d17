#pragma once
// How a router draws a session's text, by its quirks: prompts, echoes, line ends. One object per session,
// owned by its shell; without time and I/O.

#include <string>
#include <string_view>

#include "tests/sim/router/config.hpp"

namespace linewatch::sim {

class Drawing {
 public:
  // `router` outlives the object.
  explicit Drawing(const RouterConfig& router) : router_(router), quirks_(router.quirks) {}

  // The dialect's prompt as this router shows it, and what stands in front of it.
  std::string prompt(std::string plain);
  std::string output_lead() { return counted(quirks_.output_lead); }
  void rename() { renamed_ = true; }

  // What is shown for the octet typed last, of a line behind the prompt shown last.
  std::string key(std::string_view line);
  // ... for the one that was rubbed out.
  std::string rubout();
  // What is drawn when Enter was typed behind the line, but for the line end.
  std::string redrawn(std::string_view line);

 private:
  std::string counted(std::string text);

  const RouterConfig& router_;
  const Quirks& quirks_;
  std::string prompt_;     // the last line of the one shown last
  std::size_t shown_ = 0;  // columns of the typed line in view
  int count_ = 0;
  bool renamed_ = false;
};

}  // namespace linewatch::sim
