#include "agent/items/known_lines.hpp"

#include <boost/asio/post.hpp>
#include <charconv>
#include <system_error>
#include <utility>

#include "config/file.hpp"
#include "connection/pool/lockout_file.hpp"

namespace linewatch::agent {

namespace {

constexpr std::string_view first_line = "linewatch discovered lines 1\n";
constexpr std::size_t largest_file = 64UL << 20;  // half a million lines

// Takes what stands before `end` off the text; nothing if it does not stand there.
std::optional<std::string_view> take_until(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at + 1);
  return taken;
}

}  // namespace

std::string text_of(const KnownLines& lines) {
  std::string text(first_line);
  for (const auto& [id, known] : lines)
    text.append(std::to_string(known.since)).append(" ").append(id).append(" ").append(known.host) += '\n';
  return text;
}

std::optional<KnownLines> known_lines_of(std::string_view text) {
  if (!text.starts_with(first_line)) return std::nullopt;
  text.remove_prefix(first_line.size());
  KnownLines lines;
  while (!text.empty()) {
    const auto since = take_until(text, ' '), id = take_until(text, ' '), host = take_until(text, '\n');
    if (!since || !id || !host || id->empty() || host->empty()) return std::nullopt;
    KnownLine known{std::string(*host)};
    const char* const end = since->data() + since->size();
    const auto [rest, error] = std::from_chars(since->data(), end, known.since);
    if (error != std::errc() || rest != end || known.since < 0) return std::nullopt;
    lines.insert_or_assign(std::string(*id), std::move(known));
  }
  return lines;
}

std::filesystem::path known_lines_file(const std::filesystem::path& state_dir) {
  return state_dir / "discovered-lines";
}

KnownLines load_known_lines(const std::filesystem::path& state_dir, spdlog::logger& log) {
  const std::filesystem::path path = known_lines_file(state_dir);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return {};
  const auto file = config::read_file(path, largest_file);
  std::string why = file ? "is damaged" : "cannot be read: " + file.error();
  if (file) {
    if (auto lines = known_lines_of(file->text)) return std::move(*lines);
  }
  const std::filesystem::path aside = path.string() + ".damaged";
  std::filesystem::rename(path, aside, error);
  log.warn("{} {}; it {}, and the first values of all lines are held back for discovery_hold", path.string(),
           why, error ? "is begun anew" : "was set aside as " + aside.string());
  return {};
}

struct KnownLinesFile::Writer {
  std::filesystem::path file;
  std::shared_ptr<spdlog::logger> log;
  KnownLines lines{};
  bool failing = false;

  void write(Changes changes) {
    for (auto& [id, known] : changes) {
      if (known) {
        lines.insert_or_assign(id, std::move(*known));
      } else {
        lines.erase(id);
      }
    }
    const auto written = connection::write_whole(file, text_of(lines));
    if (!written && !failing)
      log->warn("a restart will hold back lines that zabbix knows: {}", written.error().text);
    failing = !written;
  }
};

KnownLinesFile::KnownLinesFile(boost::asio::any_io_executor loop, const Background& background,
                               const std::filesystem::path& state_dir, std::shared_ptr<spdlog::logger> log)
    : loop_(std::move(loop)),
      background_(background.queue()),
      writer_(std::make_shared<Writer>(Writer{known_lines_file(state_dir), std::move(log)})) {}

void KnownLinesFile::begin_with(KnownLines lines) {
  writer_->lines = std::move(lines);
}

void KnownLinesFile::note(std::string line, std::optional<KnownLine> now) {
  noted_.insert_or_assign(std::move(line), std::move(now));
}

void KnownLinesFile::save() {
  if (writing_ || noted_.empty()) return;
  writing_ = true;
  write(std::exchange(noted_, {}));
}

void KnownLinesFile::finish() {
  if (!noted_.empty()) write(std::exchange(noted_, {}));
}

void KnownLinesFile::write(Changes changes) {
  const auto done = [this] {
    writing_ = false;
    save();
  };
  Background::post(background_,
                   [writer = writer_, changes = std::move(changes), loop = loop_, done]() mutable {
                     writer->write(std::move(changes));
                     boost::asio::post(loop, done);
                   });
}

}  // namespace linewatch::agent
