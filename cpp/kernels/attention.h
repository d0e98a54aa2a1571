// Attention without gradients: Vaswani et al., "Attention Is All You Need" (2017), section 3.2.1.
#pragma once

#include <cstdint>

namespace dure::kernels {

// Where queries, keys or values lie: how many numbers from one to the next. A token's numbers of a head are side by
// side.
struct Tokens {
  const void* numbers;
  std::int64_t text_stride, head_stride, token_stride;
};

// A text's tokens: the queries, and the keys that they may look at.
struct Span {
  std::int64_t first_query, end_of_queries, first_key, end_of_keys;
};

// softmax(query @ key.T * scale) @ value for each text and head. Numbers are float32, or bfloat16 (`is_half`), of
// which float32 is made first. A head of keys and values serves num_heads / num_key_heads heads of queries, one after
// another.
struct Attention {
  Tokens query, key, value;
  void* context;  // (number of queries, num_heads * head_size)
  const Span* spans;
  std::int64_t num_texts, num_heads, num_key_heads, head_size;
  float scale;
  bool is_half;
  bool is_causal;  // the last query sees all keys, each before it one less
};

// What head_size must be a multiple of; 0 on processors where the kernel isn't.
std::int64_t head_size_unit();

void attend(const Attention& attention);

}  // namespace dure::kernels
