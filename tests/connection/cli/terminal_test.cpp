#include "connection/cli/terminal.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

using linewatch::connection::strip_terminal;
using linewatch::connection::Terminal;

namespace {

struct Row {
  const char* what;
  std::string raw, plain;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> table = {
      {"plain text stays", "Sending 5, 100-byte ICMP Echos\r\n!!!!!\r\n",
       "Sending 5, 100-byte ICMP Echos\n!!!!!\n"},
      {"a line end may be CR CR LF", "one\r\r\ntwo\r\r\n", "one\ntwo\n"},
      {"a line end may be LF alone", "one\ntwo\n", "one\ntwo\n"},
      {"text after CR overwrites", "abcdef\rXY\n", "XYcdef\n"},
      {"a redraw with padding leaves no blanks", "--More--\r        \rnext line\r\n", "next line\n"},
      {"backspaces rub out a pager",
       " --More-- \b\b\b\b\b\b\b\b\b\b          \b\b\b\b\b\b\b\b\b\bGi0/1 up\r\n", "Gi0/1 up\n"},
      {"backspace stops at the first column", "a\b\b\b\bb\n", "b\n"},
      {"cursor left, as Comware rubs out its pager", "---- More ----\x1b[14D              \x1b[14Dnext\r\n",
       "next\n"},
      {"erase to the end of the line", "router#old text\r\x1b[7Crest\x1b[K\r\n", "router#rest\n"},
      {"erase the whole line", "garbage\x1b[2K\rclean\n", "clean\n"},
      {"erase to the cursor", "abcdef\x1b[3D\x1b[1KX\n", "   Xef\n"},
      {"delete and insert characters", "abXcd\x1b[3D\x1b[P\x1b[2@yz\n", "abyzcd\n"},
      {"absolute column", "abcdef\x1b[3GX\n", "abXdef\n"},
      {"RouterOS moves far down", "[admin@r1] > \x1b[9999B", "[admin@r1] > "},
      {"colours vanish", "\x1b[1;32mok\x1b[0m \x1b[38;5;12mblue\x1b[m\n", "ok blue\n"},
      {"a title ended by BEL", "\x1b]0;root@host: ~\x07host# ", "host# "},
      {"a title ended by ST", "\x1b]2;title\x1b\\host# ", "host# "},
      {"a title that never ends costs one line", "\x1b]0;title\r\nhost# ", "\nhost# "},
      {"a device string", "\x1bP1;2|stuff\x1b\\text\n", "text\n"},
      {"charsets and keypad modes", "\x1b(B\x1b)0\x1b=\x1b>text\x1b#8\n", "text\n"},
      {"bracketed paste", "\x1b[?2004hhost# ls\r\n\x1b[?2004l\rfile\r\n", "host# ls\nfile\n"},
      {"NUL and BEL draw nothing",
       std::string("a\0b\x07"
                   "c\n",
                   6),
       "abc\n"},
      {"8-bit text is text, not controls",
       "caf\xc3\xa9 \x9b"
       "1m\n",
       "caf\xc3\xa9 \x9b"
       "1m\n"},
      {"tabs stay", "a\tb\n", "a\tb\n"},
      {"a screen row of its own is a line of its own", "\x1b[23;1HStatus\x1b[24;1Hhost# \x1b[24;7H",
       "Status\nhost# "},
      {"CSI cut off by another", "\x1b[12\x1b[1mtext\n", "text\n"},
      {"a CR inside a sequence acts", "abc\x1b[\r0mX\n", "Xbc\n"},
      {"a sequence without end is given up", "\x1b[" + std::string(80, '1') + "mtext\n", ""},
  };
  return table;
}

}  // namespace

TEST_CASE("what a router draws becomes plain lines") {
  for (const Row& row : rows()) {
    CAPTURE(row.what);
    if (!row.plain.empty()) CHECK(strip_terminal(row.raw) == row.plain);
  }
}

TEST_CASE("pieces of any size give the same text as the whole") {
  std::string all;
  for (const Row& row : rows()) all += row.raw + "\r\n";
  const std::string whole = strip_terminal(all);
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    const std::size_t most = round == 0 ? 1 : 1 + random() % 40;
    Terminal terminal;
    for (std::size_t at = 0; at < all.size();) {
      const std::size_t size = std::min<std::size_t>(1 + random() % most, all.size() - at);
      terminal.feed(std::string_view(all).substr(at, size));
      at += size;
    }
    REQUIRE(terminal.take() == whole);
  }
}

TEST_CASE("noise of any kind keeps the text bounded and the offsets sound") {
  std::mt19937 random(11);
  const std::string_view favourites = "\x1b\x1b[[;;059KDCGHPX@J\r\n\b]\\ abc";
  for (int round = 0; round < 200; ++round) {
    Terminal terminal;
    std::size_t fed = 0;
    for (int i = 0; i < 400; ++i) {
      const char c =
          random() % 4 == 0 ? static_cast<char>(random()) : favourites[random() % favourites.size()];
      terminal.feed({&c, 1});
      ++fed;
      REQUIRE(terminal.open_line_start() <= terminal.text().size());
    }
    terminal.keep_tail(64);
    terminal.feed("x\by");
    CHECK(terminal.text().size() < fed * 512 + 4096);
  }
}

TEST_CASE("a pager that was answered is rubbed out by whatever the router draws over it") {
  for (const std::string rub : {"\b\b\b\b\b\b\b\b        \b\b\b\b\b\b\b\b", "\r        \r",
                                "\x1b[8D        \x1b[8D", "\r\x1b[K", ""}) {
    Terminal terminal;
    terminal.feed("line 1\r\n--More--");
    terminal.erase_open_line();
    terminal.feed(rub + "line 2\r\n");
    CHECK(terminal.text() == "line 1\nline 2\n");
  }
}

TEST_CASE("keep_tail forgets whole lines from the front") {
  Terminal terminal;
  terminal.feed("first line\r\nsecond line\r\nprompt#");
  terminal.keep_tail(18);
  CHECK(terminal.text() == "prompt#");
  CHECK(terminal.open_line() == "prompt#");
  terminal.feed(" x\r\n");
  CHECK(terminal.text() == "prompt# x\n");
  Terminal endless;
  for (int i = 0; i < 100; ++i) {
    endless.feed(std::string(1000, '.'));
    endless.keep_tail(500);
    REQUIRE(endless.text().size() == 500);
  }
  CHECK(endless.open_line().size() == 500);
}

TEST_CASE("a line whose beginning was forgotten is still drawn over in its own columns") {
  const std::string mended[] = {"\rr1#....\rr1#ping",      "\b\b\b\b\b\b\b\b\b#....\b\b\b\bping",
                                "\x1b[9D#....\x1b[4Gping", "\x1b[Gr1\x1b[Cping",
                                "\r\x1b[3Cping",           "\r",
                                "\r\x1b[3C\x1b[P\x1b[@p",  "\x1b[20D"};
  for (const std::string& drawn : mended) {
    CAPTURE(drawn);
    for (const std::size_t piece : {1UL, 100UL}) {
      Terminal terminal;
      terminal.feed("r1#");
      terminal.clear();  // the prompt, before the next command
      const std::string all = "ping lab" + drawn + "\r\n";
      for (std::size_t at = 0; at < all.size(); at += piece)
        terminal.feed(std::string_view(all).substr(at, piece));
      const std::string text = terminal.take();
      CHECK(text.ends_with("ping lab\n"));
    }
  }
}

TEST_CASE("a line without end costs no more for being drawn over") {
  Terminal terminal;
  terminal.feed(std::string(1'000'000, 'x') + '\r');
  std::string deletions;
  for (int i = 0; i < 100'000; ++i) deletions += "\x1b[P\x1b[1K";
  terminal.feed(deletions);  // a hundred thousand times a megabyte would take minutes
  CHECK(terminal.open_line().size() == 1'000'000);
}

TEST_CASE("an echo wrapped at the terminal's width does not overwrite its own beginning") {
  const std::string head(Terminal::width, 'a');
  CHECK(strip_terminal(head + " \rtail\r\n") == head + "tail\n");
}
