#pragma once
// A YAML file as a light tree with the place of every value. Built from parser events (a tree of the
// library's own nodes costs some fifteen times the memory of a file with 100,000 lines). Read-only after
// construction; whoever loads a configuration owns it, and its nodes live as long as it does.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/problem.hpp"

namespace linewatch::config {

class Document;

// A value in a document: a small handle, valid as long as the document. A default-made one is "nothing".
class YamlNode {
 public:
  enum class Kind : std::uint8_t { null, scalar, list, map };

  YamlNode() = default;
  explicit operator bool() const { return document_ != nullptr; }

  Kind kind() const;
  bool is_null() const { return kind() == Kind::null; }  // written as nothing, ~ or null
  bool is_scalar() const { return kind() == Kind::scalar; }
  bool is_list() const { return kind() == Kind::list; }
  bool is_map() const { return kind() == Kind::map; }

  std::string_view text() const;  // of a scalar, exactly as written (escapes and quotes resolved)
  bool quoted() const;            // written in quotes or as a block: text, never a number or a word
  const std::string& file() const;
  int line() const;  // from 1
  int column() const;

  std::string_view key() const;  // of a value in a map
  int key_line() const;
  int key_column() const;

  YamlNode find(std::string_view key) const;  // in a map; nothing if it is not there
  std::size_t size() const;                   // children

  class Iterator;  // over the values of a list or map: for (YamlNode child : node)
  Iterator begin() const;
  Iterator end() const;

 private:
  friend class Document;
  YamlNode(const Document* document, std::uint32_t index) : document_(document), index_(index) {}
  YamlNode next() const;
  const Document* document_ = nullptr;
  std::uint32_t index_ = 0;
};

class YamlNode::Iterator {
 public:
  Iterator() = default;
  explicit Iterator(YamlNode node) : node_(node) {}
  YamlNode operator*() const { return node_; }
  Iterator& operator++() {
    node_ = node_.next();
    return *this;
  }
  bool operator==(const Iterator& other) const {
    return node_.document_ == other.node_.document_ && node_.index_ == other.node_.index_;
  }

 private:
  YamlNode node_;
};

class Document {
 public:
  // Parses text; syntax errors, duplicate keys, too deep nesting (64) and aliases that would expand without
  // bound become problems. `file` is only the name that problems carry.
  Document(std::string file, std::string_view text, Problems& problems);
  // A map of plain scalars that stand in no file: what came another way is read and checked all the same.
  using Fields = std::vector<std::pair<std::string, std::string>>;
  Document(std::string name, const Fields& fields);
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;
  ~Document();  // wipes its texts: a password may be among them

  bool readable() const { return readable_; }  // false after a syntax error: the tree is then empty
  YamlNode root() const;                       // a null node if the file is empty or not readable
  const std::string& file() const { return file_; }

 private:
  friend class YamlNode;
  class Builder;
  struct Entry {
    std::uint32_t text = 0, text_size = 0;
    std::uint32_t key = 0;              // into keys_
    std::uint32_t first = 0, next = 0;  // 0 = none
    std::uint32_t line = 0, key_line = 0;
    std::uint16_t column = 0, key_column = 0;
    YamlNode::Kind kind = YamlNode::Kind::null;
    bool quoted = false;
  };

  bool parse_plain(std::string_view text, Problems& problems);  // false: nothing is read yet
  void forget();
  void parse(const std::string& text, int lines, Problems& problems);
  void refuse(int line, int column, std::string what, Problems& problems);

  std::string file_;
  bool readable_ = true;
  std::vector<Entry> entries_;     // entry 0 is the root
  std::vector<std::string> keys_;  // each distinct key once
  std::string texts_;
};

}  // namespace linewatch::config
