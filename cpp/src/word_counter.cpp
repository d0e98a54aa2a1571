// WordCounter: a hash table over one arena of words; what outgrows the budget goes to sorted files and is merged at the
// end.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <queue>
#include <stdexcept>
#include <system_error>

#include <unistd.h>

#include "dure/trainer.h"
#include "dure/vocabulary.h"

namespace dure {
namespace {

// So many sorted files are merged into one before another is written: open files are scarce.
constexpr std::size_t kMaxRuns = 32;
constexpr std::size_t kMinBudgetBytes = 4096;
// Positions in the arena are 32 bits wide.
constexpr std::size_t kMaxArenaBytes = std::size_t{1} << 31;

// Words with their counts in a file that has no name: it is gone with the process, however that ends.
class Run {
 public:
  explicit Run(const std::string& folder) {
    std::filesystem::path parent = folder;
    if (folder.empty()) parent = std::filesystem::temp_directory_path();
    std::string path = (parent / "dure-words-XXXXXX").string();
    const int descriptor = ::mkstemp(path.data());
    if (descriptor < 0) fail("can't make a temporary file in " + parent.string());
    ::unlink(path.c_str());
    file_ = ::fdopen(descriptor, "w+b");
    if (file_ == nullptr) {
      const int error = errno;
      ::close(descriptor);
      errno = error;
      fail("can't open a temporary file");
    }
  }
  ~Run() {
    if (file_ != nullptr) std::fclose(file_);
  }
  Run(Run&& other) noexcept
      : word(std::move(other.word)), count(other.count), file_(std::exchange(other.file_, nullptr)) {}
  Run& operator=(Run&& other) noexcept {
    std::swap(file_, other.file_);
    std::swap(word, other.word);
    std::swap(count, other.count);
    return *this;
  }

  void write(std::string_view text, std::uint64_t number) {
    write_number(text.size());
    if (std::fwrite(text.data(), 1, text.size(), file_) != text.size()) fail("can't write counts to a temporary file");
    write_number(number);
  }
  void rewind() {
    if (std::fflush(file_) != 0 || std::fseek(file_, 0, SEEK_SET) != 0) fail("can't write counts to a temporary file");
  }
  // Reads the next word into `word` and `count`; false at the end.
  bool next() {
    std::uint64_t size = 0;
    if (!read_number(size)) return false;
    word.resize(size);
    if (std::fread(word.data(), 1, size, file_) != size || !read_number(count)) {
      throw std::runtime_error("a temporary file of word counts ended too early");
    }
    return true;
  }

  std::string word;
  std::uint64_t count = 0;

 private:
  [[noreturn]] static void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
  }
  void write_number(std::uint64_t number) {
    for (; number >= 0x80; number >>= 7) std::putc(static_cast<int>((number & 0x7F) | 0x80), file_);
    if (std::putc(static_cast<int>(number), file_) == EOF) fail("can't write counts to a temporary file");
  }
  bool read_number(std::uint64_t& number) {
    number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const int byte = std::getc(file_);
      if (byte == EOF) return false;
      number |= (static_cast<std::uint64_t>(byte) & 0x7F) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  std::FILE* file_ = nullptr;
};

struct Word {
  std::uint32_t begin;
  std::uint32_t size;
  std::uint64_t hash;
  std::uint64_t count;
};

}  // namespace

struct WordCounter::State {
  State(std::size_t budget, std::string where)
      : budget_bytes(std::max(budget, kMinBudgetBytes)), folder(std::move(where)) {}

  std::string_view view(const Word& word) const { return std::string_view(arena).substr(word.begin, word.size); }

  std::size_t used_bytes() const {
    return arena.size() + words.size() * sizeof(Word) + slots.size() * sizeof(std::uint32_t);
  }

  void add(std::string_view text, std::uint64_t count) {
    const std::uint64_t hash = hash_bytes(text);
    if (words.size() * 2 >= slots.size()) grow();
    std::size_t at = hash & (slots.size() - 1);
    for (; slots[at] != 0; at = (at + 1) & (slots.size() - 1)) {
      Word& word = words[slots[at] - 1];
      if (word.hash == hash && view(word) == text) {
        word.count += count;
        return;
      }
    }
    if (text.size() >= kMaxArenaBytes) throw std::invalid_argument("a word is longer than 2 GiB; give a pre-tokenizer");
    if (arena.size() + text.size() > kMaxArenaBytes ||
        (!words.empty() && used_bytes() + text.size() + sizeof(Word) > budget_bytes)) {
      spill();
      add(text, count);
      return;
    }
    words.push_back({static_cast<std::uint32_t>(arena.size()), static_cast<std::uint32_t>(text.size()), hash, count});
    arena.append(text);
    slots[at] = static_cast<std::uint32_t>(words.size());
  }

  void grow() {
    slots.assign(std::max<std::size_t>(64, slots.size() * 2), 0);
    for (std::size_t i = 0; i < words.size(); ++i) {
      std::size_t at = words[i].hash & (slots.size() - 1);
      while (slots[at] != 0) at = (at + 1) & (slots.size() - 1);
      slots[at] = static_cast<std::uint32_t>(i + 1);
    }
  }

  void sort() {
    slots = {};
    std::sort(words.begin(), words.end(), [this](const Word& a, const Word& b) { return view(a) < view(b); });
  }

  void clear() {
    arena.clear();
    words.clear();
    slots = {};
  }

  void spill() {
    if (runs.size() >= kMaxRuns) {
      Run merged(folder);
      merge([&merged](std::string_view word, std::uint64_t count) { merged.write(word, count); });
      runs.clear();
      runs.push_back(std::move(merged));
    }
    sort();
    Run run(folder);
    for (const Word& word : words) run.write(view(word), word.count);
    runs.push_back(std::move(run));
    clear();
  }

  // Visits the words of all files in order, each once.
  template <typename Visit>
  void merge(const Visit& visit) {
    const auto is_later = [this](std::size_t a, std::size_t b) { return runs[a].word > runs[b].word; };
    std::priority_queue<std::size_t, std::vector<std::size_t>, decltype(is_later)> heads(is_later);
    for (std::size_t i = 0; i < runs.size(); ++i) {
      runs[i].rewind();
      if (runs[i].next()) heads.push(i);
    }
    std::string word;
    std::uint64_t count = 0;
    bool is_first = true;
    while (!heads.empty()) {
      const std::size_t head = heads.top();
      heads.pop();
      if (is_first || runs[head].word != word) {
        if (!is_first) visit(word, count);
        word = runs[head].word;
        count = 0;
        is_first = false;
      }
      count += runs[head].count;
      if (runs[head].next()) heads.push(head);
    }
    if (!is_first) visit(word, count);
  }

  std::size_t budget_bytes;
  std::string folder;
  std::string arena;
  std::vector<Word> words;
  std::vector<std::uint32_t> slots;  // number of a word + 1; 0: free
  std::vector<Run> runs;
};

WordCounter::WordCounter(std::size_t budget_bytes, std::string folder)
    : state_(std::make_unique<State>(budget_bytes, std::move(folder))) {}
WordCounter::~WordCounter() = default;
WordCounter::WordCounter(WordCounter&&) noexcept = default;

void WordCounter::add(std::string_view word, std::uint64_t count) { state_->add(word, count); }

std::size_t WordCounter::size_bytes() const { return state_->used_bytes(); }

void WordCounter::for_each(const std::function<void(std::string_view word, std::uint64_t count)>& visit) {
  State& state = *state_;
  if (!state.runs.empty() && !state.words.empty()) state.spill();
  if (state.runs.empty()) {
    state.sort();
    for (const Word& word : state.words) visit(state.view(word), word.count);
  } else {
    state.merge(visit);
  }
  state.runs.clear();
  state.clear();
  state.arena.shrink_to_fit();
  state.words.shrink_to_fit();
}

}  // namespace dure
