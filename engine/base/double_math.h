// Elementary functions in double arithmetic alone: libm's differ between systems, and a model must
// rank the same everywhere. Relative error below 1e-14 for ExpDouble and LogDouble, absolute error
// below 1e-14 for SinCos while |x| < 2^20.
#ifndef HALFLING_ENGINE_BASE_DOUBLE_MATH_H_
#define HALFLING_ENGINE_BASE_DOUBLE_MATH_H_

namespace halfling {

double ExpDouble(double x);                           // |x| <= 700
double LogDouble(double x);                           // x > 0, normal
void SinCos(double x, double& sine, double& cosine);  // |x| < 2^24

}  // namespace halfling

#endif  // HALFLING_ENGINE_BASE_DOUBLE_MATH_H_
