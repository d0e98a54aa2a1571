#include "attention.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "attention_steps.h"
#include "dropout_mask.h"

namespace dure::kernels {
namespace {

[[maybe_unused]] constexpr std::int64_t kFewProducts = 1 << 17;  // are done sooner than another thread begins
constexpr std::int64_t kFewQueries = 64;  // are not worth another thread, which turns the keys again

// Numbers of one text and one head, and room to work.
class Head {
 public:
  Head(const Attention& attention, std::int64_t text, std::int64_t head, std::vector<float>& memory)
      : attention_{attention}, text_{text}, head_{head}, span_{attention.spans[text]}, memory_{memory} {
    num_queries_ = span_.end_of_queries - span_.first_query;
    num_keys_ = span_.end_of_keys - span_.first_key;
    padded_ = std::max(padded_to_unit(num_keys_), kUnit);
    key_head_ = head * attention.num_key_heads / attention.num_heads;
  }

  // The context of the `part`th of `num_parts` parts of the queries.
  void run(std::int64_t part, std::int64_t num_parts) {
    const std::int64_t size = attention_.head_size, width = attention_.num_heads * size;
    const std::int64_t begin = num_queries_ * part / num_parts, end = num_queries_ * (part + 1) / num_parts;
    make_room(2 * size * padded_ + kMostRows * (padded_ + 2 * size) + num_queries_ * num_keys_ * (drops() ? 1 : 0));
    const Rows turned = take(size, padded_), values = take(padded_, size), scores = take(kMostRows, padded_);
    const Rows asked = take(kMostRows, size), found = take(kMostRows, size);
    const float* mask = draw();
    turn(attention_.key, key_head_, attention_.scale, values, turned);
    gather(attention_.value, key_head_, span_.first_key, num_keys_, values);
    for (std::int64_t first = begin; first < end; first += steps_.num_rows) {
      const std::int64_t num_rows = std::min(steps_.num_rows, end - first), count = count_of(first + num_rows);
      const std::int64_t padded = std::max(padded_to_unit(count), kUnit);
      steps_.multiply(left(attention_.query, span_.first_query + first, num_rows, asked), num_rows, turned, padded, size, scores);
      float factors[kMostRows], logs[kMostRows];
      steps_.softmax(scores, num_rows, count, fewer(), padded, factors, logs);
      for (std::int64_t row = 0; attention_.logs != nullptr && row < num_rows; ++row) log_of(first + row) = logs[row];
      if (mask != nullptr) drop(scores, first, num_rows, count, mask);
      steps_.multiply({scores.numbers, padded_, 1}, num_rows, values, size, count, found);
      const std::int64_t place = (span_.first_query + first) * width + head_ * size;
      steps_.write(found, factors, num_rows, size, attention_.context, place, width, attention_.is_half);
    }
  }

  void run_backward(const Tokens& of_query, const Tokens& of_key, const Tokens& of_value) {
    const std::int64_t size = attention_.head_size, width = attention_.num_heads * size;
    const std::int64_t most = std::max(num_queries_, num_keys_);
    make_room(size * (2 * padded_ + 4 * num_queries_ + num_keys_ + most) + padded_ * (2 * num_queries_ + kMostRows) +
              num_queries_ * num_keys_ * (drops() ? 1 : 0));
    const Rows turned_keys = take(size, padded_), turned_values = take(size, padded_);
    const Rows keys = take(num_keys_, size), queries = take(num_queries_, size), gradient = take(num_queries_, size);
    const Rows of_scores = take(num_queries_, padded_), dropped = take(num_queries_, padded_);
    const Rows scores = take(kMostRows, padded_), found = take(most, size);
    const float* mask = draw();
    turn(attention_.value, key_head_, 1.0F, keys, turned_values);
    turn(attention_.key, key_head_, attention_.scale, keys, turned_keys);
    gather(attention_.key, key_head_, span_.first_key, num_keys_, keys);
    gather(attention_.query, head_, span_.first_query, num_queries_, queries);
    const Tokens of_context{attention_.context, 0, size, width};
    gather(of_context, head_, span_.first_query, num_queries_, gradient);
    for (std::int64_t first = 0; first < num_queries_; first += steps_.num_rows) {
      const std::int64_t num_rows = std::min(steps_.num_rows, num_queries_ - first);
      const Rows of_weights{of_scores.numbers + first * padded_, padded_};
      const Rows weights{dropped.numbers + first * padded_, padded_};
      float logs[kMostRows];
      for (std::int64_t row = 0; row < num_rows; ++row) logs[row] = log_of(first + row);
      steps_.multiply({queries.numbers + first * size, size, 1}, num_rows, turned_keys, padded_, size, scores);
      steps_.multiply({gradient.numbers + first * size, size, 1}, num_rows, turned_values, padded_, size, of_weights);
      steps_.softmax_backward(scores, of_weights, weights, mask == nullptr ? nullptr : mask + first * num_keys_, num_rows,
                              count_of(first + num_rows), fewer(), padded_, num_keys_, logs, attention_.scale);
    }
    steps_.multiply({of_scores.numbers, padded_, 1}, num_queries_, keys, size, num_keys_, found);
    write(found, num_queries_, of_query, head_, span_.first_query);
    steps_.multiply({of_scores.numbers, 1, padded_}, num_keys_, queries, size, num_queries_, found);
    write(found, num_keys_, of_key, key_head_, span_.first_key);
    steps_.multiply({dropped.numbers, 1, padded_}, num_keys_, gradient, size, num_queries_, found);
    write(found, num_keys_, of_value, key_head_, span_.first_key);
  }

 private:
  void make_room(std::int64_t count) {
    if (static_cast<std::size_t>(count) > memory_.size()) memory_.resize(static_cast<std::size_t>(count));
    room_ = memory_.data();
  }

  Rows take(std::int64_t height, std::int64_t width) {
    const Rows rows{room_, width};
    room_ += height * width;
    return rows;
  }

  [[nodiscard]] bool drops() const { return attention_.dropout.threshold > 0; }

  // What the weights are multiplied with, or null.
  const float* draw() {
    if (!drops()) return nullptr;
    float* mask = take(num_queries_, num_keys_).numbers;
    const Dropout& dropout = attention_.dropout;
    draw_mask(mask, num_queries_ * num_keys_, dropout.threshold, dropout.scale,
              seed_of(dropout, text_, head_, attention_.num_heads));
    return mask;
  }

  void drop(Rows weights, std::int64_t first, std::int64_t num_rows, std::int64_t count, const float* mask) const {
    for (std::int64_t row = 0; row < num_rows; ++row) {
      steps_.drop({weights.numbers + row * weights.stride, weights.stride}, 1, count, mask + (first + row) * num_keys_);
    }
  }

  // How many keys the query before the `end`th sees.
  [[nodiscard]] std::int64_t count_of(std::int64_t end) const {
    return attention_.is_causal ? std::max<std::int64_t>(num_keys_ - (num_queries_ - end), 0) : num_keys_;
  }

  [[nodiscard]] std::int64_t fewer() const { return attention_.is_causal ? 1 : 0; }

  [[nodiscard]] float& log_of(std::int64_t query) const {
    return attention_.logs[(span_.first_query + query) * attention_.num_heads + head_];
  }

  // Where they lie, if they are float32, which is as good for what is read once.
  [[nodiscard]] Rows rows(const Tokens& tokens, std::int64_t head, std::int64_t first, std::int64_t count, Rows copy) const {
    if (!attention_.is_half) return {static_cast<float*>(tokens.numbers) + place(tokens, head, first), tokens.token_stride};
    gather(tokens, head, first, count, copy);
    return copy;
  }

  [[nodiscard]] Left left(const Tokens& tokens, std::int64_t first, std::int64_t count, Rows copy) const {
    const Rows found = rows(tokens, head_, first, count, copy);
    return {found.numbers, found.stride, 1};
  }

  void turn(const Tokens& tokens, std::int64_t head, float scale, Rows copy, Rows turned) const {
    steps_.turn(rows(tokens, head, span_.first_key, num_keys_, copy), num_keys_, attention_.head_size, scale, turned);
  }

  void gather(const Tokens& tokens, std::int64_t head, std::int64_t first, std::int64_t count, Rows result) const {
    steps_.gather(tokens.numbers, attention_.is_half, place(tokens, head, first), tokens.token_stride, count, result);
  }

  void write(Rows rows, std::int64_t count, const Tokens& tokens, std::int64_t head, std::int64_t first) const {
    steps_.write(rows, nullptr, count, attention_.head_size, tokens.numbers, place(tokens, head, first),
                 tokens.token_stride, attention_.is_half);
  }

  [[nodiscard]] std::int64_t place(const Tokens& tokens, std::int64_t head, std::int64_t token) const {
    return text_ * tokens.text_stride + head * tokens.head_stride + token * tokens.token_stride;
  }

  const Steps& steps_ = steps();
  const Attention& attention_;
  std::int64_t text_, head_;
  Span span_;
  std::vector<float>& memory_;
  float* room_ = nullptr;
  std::int64_t num_queries_ = 0, num_keys_ = 0, padded_ = 0, key_head_ = 0;
};

std::int64_t max_threads() {
#ifdef _OPENMP
  return omp_get_max_threads();
#else
  return 1;
#endif
}

// Runs `work(Head&, part, num_parts)` for all texts, heads and parts of the queries, of which there is one unless `divides`.
template <typename Work>
void for_each_head(const Attention& attention, bool divides, Work work) {
  [[maybe_unused]] std::int64_t num_products = 0;
  std::int64_t most_queries = 0;
  for (std::int64_t text = 0; text < attention.num_texts; ++text) {
    const Span& span = attention.spans[text];
    const std::int64_t num_queries = span.end_of_queries - span.first_query;
    num_products += num_queries * (span.end_of_keys - span.first_key) * attention.num_heads * attention.head_size;
    most_queries = std::max(most_queries, num_queries);
  }
  const std::int64_t num_heads = attention.num_texts * attention.num_heads;
  std::int64_t num_parts = 1;
  while (divides && num_parts * num_heads < max_threads() && most_queries / num_parts > kFewQueries) ++num_parts;
#pragma omp parallel if (num_products > kFewProducts)
  {
    thread_local std::vector<float> memory;
#pragma omp for schedule(static)
    for (std::int64_t piece = 0; piece < num_heads * num_parts; ++piece) {
      const std::int64_t index = piece / num_parts;
      Head head{attention, index / attention.num_heads, index % attention.num_heads, memory};
      work(head, piece % num_parts, num_parts);
    }
  }
}

}  // namespace

std::int64_t head_size_unit() { return steps().num_rows > 0 ? kUnit : 0; }

std::uint64_t seed_of(const Dropout& dropout, std::int64_t text, std::int64_t head, std::int64_t num_heads) {
  // Another odd multiplier than the pieces' of a mask.
  return dropout.seed + static_cast<std::uint64_t>(text * num_heads + head) * 0x9e3779b97f4a7c15;
}

void attend(const Attention& attention) {
  if (head_size_unit() == 0) return;
  for_each_head(attention, true, [](Head& head, std::int64_t part, std::int64_t num_parts) { head.run(part, num_parts); });
}

void attend_backward(const Attention& attention, const Tokens& of_query, const Tokens& of_key, const Tokens& of_value) {
  if (head_size_unit() == 0) return;
  for_each_head(attention, false, [&](Head& head, std::int64_t, std::int64_t) {
    head.run_backward(of_query, of_key, of_value);
  });
}

}  // namespace dure::kernels
