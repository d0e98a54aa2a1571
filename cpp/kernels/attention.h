// Attention and its gradient: Vaswani et al., "Attention Is All You Need" (2017), section 3.2.1. Scores are computed again
// for the gradient, from a number for each query, in place of keeping them: Dao et al., "FlashAttention" (2022).
#pragma once

#include <cstdint>

namespace dure::kernels {

// Where queries, keys or values lie: how many numbers from one to the next. A token's numbers of a head are side by
// side.
struct Tokens {
  void* numbers;
  std::int64_t text_stride, head_stride, token_stride;
};

// A text's tokens: the queries, and the keys that they may look at.
struct Span {
  std::int64_t first_query, end_of_queries, first_key, end_of_keys;
};

// Weights are dropped where a draw of 16 bits is below the threshold; 0 for none. `scale` is the inverse of what is kept.
struct Dropout {
  std::uint32_t threshold;
  float scale;
  std::uint64_t seed;
};

// dropped(softmax(query @ key.T * scale)) @ value for each text and head. Numbers are float32, or bfloat16 (`is_half`),
// of which float32 is made first. A head of keys and values serves num_heads / num_key_heads heads of queries, one after
// another.
struct Attention {
  Tokens query, key, value;
  void* context;  // (number of queries, num_heads * head_size)
  float* logs;    // (number of queries, num_heads) what the gradient needs; or null
  const Span* spans;
  std::int64_t num_texts, num_heads, num_key_heads, head_size;
  float scale;
  bool is_half;
  bool is_causal;  // the last query sees all keys, each before it one less
  Dropout dropout;
};

// What head_size must be a multiple of; 0 on processors where the kernel isn't.
std::int64_t head_size_unit();

void attend(const Attention& attention);

// The gradients of query, key and value, from that of the context, which takes the context's place in `attention`. Each
// head of queries has its own head of keys.
void attend_backward(const Attention& attention, const Tokens& of_query, const Tokens& of_key, const Tokens& of_value);

// What multiplies the weights of one text and head, (queries, keys): draw_mask with this seed.
std::uint64_t seed_of(const Dropout& dropout, std::int64_t text, std::int64_t head, std::int64_t num_heads);

}  // namespace dure::kernels
