/* docent/export.h - how the library's functions are declared. */
#ifndef DOCENT_EXPORT_H
#define DOCENT_EXPORT_H

#ifdef __cplusplus
#define DOCENT_BEGIN extern "C" {
#define DOCENT_END }
#else
#define DOCENT_BEGIN
#define DOCENT_END
#endif

#if defined(__GNUC__)
#define DOCENT_API __attribute__((visibility("default")))
#define DOCENT_MUST_CHECK __attribute__((warn_unused_result))
#else
#define DOCENT_API
#define DOCENT_MUST_CHECK
#endif

#endif
